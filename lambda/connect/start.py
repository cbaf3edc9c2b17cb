"""POST /start: a new session for the caller, and the signed way into it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from connect.caller import caller_pseudonym
from connect.session_id import new_session_id
from connect.settings import Settings
from connect.start_request import parse_start_request
from connect.websocket import websocket_way_in
from shared.answer import Answer
from shared.credentials import Credentials
from shared.session_key import session_key

SESSION_ID_HEADER = "switchboard-session-id"


def start(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer with the way into a new session over the transport asked for, and its id in `switchboard-session-id`.

    Raises `ApiError` for a request that can't be served, and where the session key, the ICE servers, or a room with the
    agent in it can't be had.
    """
    request = parse_start_request(event=event, settings=settings)
    session_id = new_session_id(
        key=session_key(secret=settings.session_key, credentials=credentials),
        subject=subject,
        place="room" if request.transport == "daily" else "direct",
    )
    way_in = _WAYS_IN[request.transport](
        session_id=session_id,
        subject=subject,
        agent_body=request.agent_body,
        settings=settings,
        credentials=credentials,
    )
    return Answer(
        status=200,
        metric="SessionsStarted",
        session_id=session_id,
        payload=way_in,
        headers={SESSION_ID_HEADER: session_id},
        note=request.transport,
    )


def _websocket(
    *, session_id: str, subject: str, agent_body: bytes, settings: Settings, credentials: Credentials
) -> dict[str, object]:
    caller = caller_pseudonym(subject=subject, settings=settings, credentials=credentials)
    return websocket_way_in(
        session_id=session_id,
        custom={"Body": base64.urlsafe_b64encode(agent_body).rstrip(b"=").decode(), "Caller": caller},
        settings=settings,
        credentials=credentials,
    )


def _webrtc(
    *, session_id: str, subject: str, agent_body: bytes, settings: Settings, credentials: Credentials
) -> dict[str, object]:
    from connect.webrtc import webrtc_way_in  # here, so that a WebSocket start doesn't wait for it

    return webrtc_way_in(
        session_id=session_id, body=json.loads(agent_body or b"{}"), settings=settings, credentials=credentials
    )


def _daily(
    *, session_id: str, subject: str, agent_body: bytes, settings: Settings, credentials: Credentials
) -> dict[str, object]:
    from connect.room import room_way_in  # here, so that a WebSocket start doesn't wait for it

    return room_way_in(
        session_id=session_id, subject=subject, agent_body=agent_body, settings=settings, credentials=credentials
    )


_WAYS_IN = {"websocket": _websocket, "webrtc": _webrtc, "daily": _daily}
