"""When nobody is to be called: hours of the night, by the clock on the callee's own wall."""

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import PhoneNumber
from phonenumbers import timezone as number_zones

from shared.errors import ApiError

OFF = "off"

_FORM = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From `begin` on until just before `end`; past midnight where `end` is the earlier."""

    begin: time_of_day
    end: time_of_day

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HH:MM-HH:MM`; raises `ValueError`, also where begin and end are the same."""
        match = _FORM.fullmatch(text)
        if not match or match[1] + match[2] == match[3] + match[4]:
            raise ValueError("needed two different times as 21:00-08:00")
        first, second, third, fourth = (int(part) for part in match.groups())
        return cls(begin=time_of_day(first, second), end=time_of_day(third, fourth))

    def holds(self, *, at: datetime) -> bool:
        """Whether this moment, with the clock of its own zone, is quiet."""
        clock = at.time()
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def end_after(self, *, now: datetime, zones: Sequence[ZoneInfo]) -> datetime | None:
        """The first whole minute after `now` that is quiet in none of the zones; None where a day has no such minute.

        It looks at each minute, because a clock that is put forward or back may skip or repeat the end.
        """
        minute = now.replace(second=0, microsecond=0)
        for _ in range(_MINUTES_A_DAY):
            minute += timedelta(minutes=1)
            if not any(self.holds(at=minute.astimezone(zone)) for zone in zones):
                return minute
        return None


def check_quiet_hours(*, number: PhoneNumber, to: str, quiet_hours: str) -> None:
    """Refuse a call in the quiet hours of any zone where the number may ring; a number tells no place more exactly.

    `quiet_hours` is `HH:MM-HH:MM`, or OFF; `to` is how an answer names the number. Raises `ApiError` (422).
    """
    if quiet_hours == OFF:
        return
    zones = _zones(number=number, to=to)
    hours = QuietHours.parse(quiet_hours)
    now = datetime.fromtimestamp(time.time(), UTC)
    quiet = next((zone for zone in zones if hours.holds(at=now.astimezone(zone))), None)
    if quiet is None:
        return
    clock = f"{now.astimezone(quiet):%H:%M} ({quiet.key})"
    end = hours.end_after(now=now, zones=zones)
    advice = f"Call from {end:%Y-%m-%dT%H:%MZ} on." if end else "No hour of the day suits all zones of this number."
    raise ApiError(
        status=422,
        code="quiet_hours",
        message=f"For {to} it is {clock}; nobody is called from {quiet_hours.replace('-', ' to ')}. {advice}",
        headers={"retry-after": str(math.ceil((end - now).total_seconds()))} if end else {},
    )


def _zones(*, number: PhoneNumber, to: str) -> list[ZoneInfo]:
    """By area code, or by country where the number has none: https://github.com/google/libphonenumber.

    A number that it can't place has the zone Etc/Unknown there, which the time zone database doesn't know.
    """
    try:
        return [ZoneInfo(name) for name in number_zones.time_zones_for_number(number)]
    except ZoneInfoNotFoundError:
        raise ApiError(
            status=422,
            code="unknown_time_zone",
            message=(
                f"The time zone of {to} is not known, so it might be night there; this service has quiet hours and"
                " calls only numbers whose zone it knows. Its operator can turn them off by telephony.quiet_hours."
            ),
        ) from None
