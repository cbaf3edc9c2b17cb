"""A tool: the time, anywhere in the world."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pipecat.services.llm_service import FunctionCallParams


async def current_time(params: FunctionCallParams, time_zone: str = "UTC") -> None:
    """Tell the current date and time in a time zone.

    Args:
        time_zone: Its name in the IANA time zone database, such as Europe/London, America/New_York or UTC.
    """
    try:
        now = datetime.now(ZoneInfo(time_zone))
    except (KeyError, ValueError, OSError):  # unknown, no name at all, the name of a whole region
        await params.result_callback({"unknown_time_zone": time_zone, "advice": "use a name such as Europe/London"})
        return
    await params.result_callback(
        {"time_zone": time_zone, "weekday": f"{now:%A}", "date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M}"}
    )
