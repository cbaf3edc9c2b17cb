"""The end of a room that people may be in: they are put out of it first, which deleting it may not do."""

import time

from shared.credentials import Credentials
from shared.daily.counted import ROOM_LEFT, count
from shared.daily.domain import Domain
from shared.daily.rooms import TAKE_BACK_SECONDS, room_name, take_back_room
from shared.daily.settings import DailySettings
from shared.errors import ApiError

EJECT_SECONDS = 3.0


def end_room(
    *, session_id: str, daily: DailySettings, credentials: Credentials, delete_seconds: float = TAKE_BACK_SECONDS
) -> str:
    """Eject whoever is in the session's room, delete it, and say what came of it, for the log.

    A room that can't be emptied now stays for the sweep, which tries again: nobody can be put out of one that is gone.
    """
    domain = Domain(daily=daily, credentials=credentials, deadline=time.monotonic() + EJECT_SECONDS)
    name = room_name(session_id=session_id, daily=daily)
    try:
        domain.eject(name=name, ids=domain.people(name=name).ids)
    except ApiError as error:
        count(ROOM_LEFT, daily=daily)
        return f"room left to the sweep: {error.note or error.code}"
    return take_back_room(session_id=session_id, daily=daily, credentials=credentials, seconds=delete_seconds)
