"""DELETE /sessions/{session_id}: end a session of the caller's own."""

from collections.abc import Mapping
from typing import Any

from connect.owned_session import owned_session
from connect.settings import Settings
from shared.answer import Answer
from shared.credentials import Credentials
from shared.stop_session import stop_session


def stop(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the session is ended, also when it had ended before; its room, if it has one, goes with it.

    A room that can't be deleted now is left to the sweep. Raises `ApiError`: 400 for a malformed id, 403 for one that
    isn't the caller's, 502 or 503 when AgentCore fails.
    """
    owned = owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    outcome = stop_session(session_id=owned.session_id, runtime=settings.runtime, credentials=credentials)
    if owned.place == "room":
        outcome += f"; {_room(session_id=owned.session_id, settings=settings, credentials=credentials)}"
    return Answer(status=204, metric="SessionsStopped", session_id=owned.session_id, note=outcome)


def _room(*, session_id: str, settings: Settings, credentials: Credentials) -> str:
    if settings.daily is None:
        return "room left to its end: the transport is deployed no more"
    from shared.daily.ending import end_room  # here, so that a session without a room doesn't wait for it

    return end_room(session_id=session_id, daily=settings.daily, credentials=credentials)
