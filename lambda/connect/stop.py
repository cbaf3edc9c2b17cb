"""DELETE /sessions/{session_id}: end a session of the caller's own."""

from collections.abc import Mapping
from typing import Any

from connect.owned_session import owned_session
from connect.settings import Settings
from shared.answer import Answer
from shared.credentials import Credentials
from shared.stop_session import stop_session


def stop(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the session is ended, also when it had ended before.

    Raises `ApiError`: 400 for a malformed id, 403 for one that isn't the caller's, 502 or 503 when AgentCore fails.
    """
    owned = owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    outcome = stop_session(session_id=owned.session_id, runtime=settings.runtime, credentials=credentials)
    return Answer(status=204, metric="SessionsStopped", session_id=owned.session_id, note=outcome)
