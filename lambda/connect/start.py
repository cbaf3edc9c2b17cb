"""POST /start: a new session for the caller, and the signed way into it."""

from collections.abc import Mapping
from typing import Any

from connect.answer import Answer
from connect.presign import presigned_websocket_url
from connect.session_id import new_session_id
from connect.session_key import session_key
from connect.settings import Settings
from connect.start_request import parse_start_request
from shared.credentials import Credentials

SESSION_ID_HEADER = "switchboard-session-id"


def start(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer `{"wsUrl"}`, and the session's id in the header `switchboard-session-id`.

    The body holds what `@pipecat-ai/websocket-transport` (1.7.1) takes from `startBotAndConnect()` and no more: it
    refuses every name but `wsUrl` and `token`, and would append a `token` to the signed URL, which breaks it.

    The URL must be opened within its `X-Amz-Expires` seconds; the session, once open, outlives it.
    """
    request = parse_start_request(event=event, settings=settings)
    session_id = new_session_id(key=session_key(settings=settings, credentials=credentials), subject=subject)
    lifetime_seconds = int(min(settings.presigned_url_lifetime_seconds, credentials.seconds_left()))
    url = presigned_websocket_url(
        settings=settings,
        credentials=credentials,
        session_id=session_id,
        agent_body=request.agent_body,
        lifetime_seconds=lifetime_seconds,
    )
    return Answer(
        status=200,
        metric="SessionsStarted",
        session_id=session_id,
        payload={"wsUrl": url},
        headers={SESSION_ID_HEADER: session_id},
    )
