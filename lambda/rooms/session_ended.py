"""`session-ended`: an agent's call is over, so its room goes, and its microVM costs no more idle time."""

from collections.abc import Mapping
from typing import Any

from rooms.event import session_id_field
from rooms.settings import Settings
from shared.credentials import Credentials
from shared.daily.counted import count
from shared.daily.ending import end_room
from shared.stop_session import stop_session

DELETE_SECONDS = 8.0


def session_ended(*, event: Mapping[str, Any], settings: Settings, credentials: Credentials) -> str:
    """Eject whoever the agent left behind, delete the room and stop the session; say what came of it all.

    A room that can't be emptied or deleted now is the sweep's. Raises `ApiError` where AgentCore doesn't stop the
    session: the event is then delivered again, which does no harm.
    """
    session_id = session_id_field(event=event)
    room = end_room(session_id=session_id, daily=settings.daily, credentials=credentials, delete_seconds=DELETE_SECONDS)
    session = stop_session(session_id=session_id, runtime=settings.runtime, credentials=credentials)
    count("SessionsEnded", daily=settings.daily)
    return f"{room}; session {session}"
