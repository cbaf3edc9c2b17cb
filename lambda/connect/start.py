"""POST /start: a new session for the caller, and the signed way into it."""

import json
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
    """Answer with the way into a new session over the transport asked for, and its id in `switchboard-session-id`.

    Raises `ApiError` for a request that can't be served, and where the session key or the ICE servers can't be had.
    """
    request = parse_start_request(event=event, settings=settings)
    session_id = new_session_id(key=session_key(settings=settings, credentials=credentials), subject=subject)
    way_in = _webrtc if request.transport == "webrtc" else _websocket
    return Answer(
        status=200,
        metric="SessionsStarted",
        session_id=session_id,
        payload=way_in(
            session_id=session_id, agent_body=request.agent_body, settings=settings, credentials=credentials
        ),
        headers={SESSION_ID_HEADER: session_id},
        note=request.transport,
    )


def _websocket(
    *, session_id: str, agent_body: bytes, settings: Settings, credentials: Credentials
) -> dict[str, object]:
    """`{"wsUrl"}`: what `@pipecat-ai/websocket-transport` (1.7.1) takes from `startBotAndConnect()`, and no more.

    It refuses every name but `wsUrl` and `token`, and would append a `token` to the signed URL, which breaks it. The
    URL must be opened within its `X-Amz-Expires` seconds; the session, once open, outlives it.
    """
    url = presigned_websocket_url(
        settings=settings,
        credentials=credentials,
        session_id=session_id,
        agent_body=agent_body,
        lifetime_seconds=int(min(settings.presigned_url_lifetime_seconds, credentials.seconds_left())),
    )
    return {"wsUrl": url}


def _webrtc(*, session_id: str, agent_body: bytes, settings: Settings, credentials: Credentials) -> dict[str, object]:
    from connect.webrtc import webrtc_way_in  # here, so that a WebSocket start doesn't wait for it

    return webrtc_way_in(
        session_id=session_id, body=json.loads(agent_body or b"{}"), settings=settings, credentials=credentials
    )
