"""POST /sessions/{session_id}/api/offer: hand a caller's SDP offer to the agent of their session."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connect.caller import caller_pseudonym
from connect.owned_session import directly_owned_session
from connect.sdp import NoAudioError, SdpError, check_sdp
from connect.settings import Settings
from connect.start_request import check_deployed
from connect.ticket import Ticket
from connect.turn import IceServer, ice_servers
from shared.answer import Answer
from shared.credentials import Credentials
from shared.errors import ApiError
from shared.invoke import agent_failed, invoke_agent
from shared.request_body import check_type, json_object

MAX_BYTES = 64 * 1024
BUDGET_SECONDS = 18.0
"""From the request's begin to the last moment of waiting for the agent; the function has 29 s, API Gateway 30 s."""

MIN_CREDENTIAL_SECONDS = 30
"""ICE servers with less left are asked for again: the agent still has to start and to make its allocation."""

_PC_ID = re.compile(r"[ -~]{1,256}")
_FIELDS = ("sdp", "type", "pc_id", "restart_pc", "requestData", "request_data")


@dataclass(frozen=True, kw_only=True)
class _Offer:
    sdp: str = field(repr=False)
    pc_id: str | None
    restart: bool


def offer(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer the agent's `{"sdp", "type", "pc_id"}` to what `@pipecat-ai/small-webrtc-transport` (1.10.8) sends.

    Its `requestData` is taken and not handed on: what is for the agent is the `body` of POST /start. Raises `ApiError`:
    400 for an offer that can't become a call, 413 for one above 64 KiB, and as `directly_owned_session`, `ice_servers`
    and `invoke_agent` do.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    check_deployed(transport="webrtc", settings=settings)
    owned = directly_owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    request = _parse(fields=json_object(event=event, max_bytes=MAX_BYTES, fields=_FIELDS))
    carried = _carried_servers(ticket=owned.ticket)
    servers = ice_servers(settings=settings, credentials=credentials).servers if carried is None else carried
    answer = invoke_agent(
        message={
            "type": "offer",
            "sdp": request.sdp,
            "pcId": request.pc_id,
            "restart": request.restart,
            "iceServers": [server.as_json() for server in servers],
            "body": owned.ticket.body,
            "caller": caller_pseudonym(subject=subject, settings=settings, credentials=credentials),
        },
        session_id=owned.session_id,
        runtime=settings.runtime,
        credentials=credentials,
        deadline=deadline,
    )
    return Answer(
        status=200,
        metric="OffersAnswered",
        session_id=owned.session_id,
        payload=_checked(answer=answer),
        note="ICE servers " + ("looked up" if carried is None else "of the ticket"),
    )


def check_pc_id(*, value: object) -> str:
    """A peer connection's id, as the agent's answer to an offer gave it."""
    check_type(name="pc_id", value=value, expected=str)
    text = str(value)
    if not _PC_ID.fullmatch(text):
        raise ApiError(
            status=400,
            code="invalid_pc_id",
            message="pc_id must be 1 to 256 printable ASCII characters; use the one of the answer to your offer.",
        )
    return text


def _parse(*, fields: dict[str, Any]) -> _Offer:
    for name in ("sdp", "type"):
        check_type(name=name, value=fields.get(name), expected=str)
    if fields["type"] != "offer":
        raise _invalid_offer(reason='type must be "offer"')
    try:
        check_sdp(fields["sdp"])
    except NoAudioError as error:
        raise ApiError(status=400, code="offer_without_audio", message=f"The SDP {error}; offer audio.") from None
    except SdpError as error:
        raise _invalid_offer(reason=f"the SDP {error}") from None
    pc_id, restart = fields.get("pc_id"), fields.get("restart_pc")
    if restart is not None:
        check_type(name="restart_pc", value=restart, expected=bool)
    return _Offer(
        sdp=fields["sdp"],
        pc_id=None if pc_id is None else check_pc_id(value=pc_id),
        # The JavaScript transport says restart_pc after a first offer that failed, too: with nothing to restart.
        restart=bool(restart) and pc_id is not None,
    )


def _invalid_offer(*, reason: str) -> ApiError:
    return ApiError(status=400, code="invalid_offer", message=f"This is no WebRTC offer: {reason}.")


def _carried_servers(*, ticket: Ticket) -> tuple[IceServer, ...] | None:
    if ticket.ice is None or ticket.ice.expires_at is None:
        return None
    return ticket.ice.servers if ticket.ice.expires_at - time.time() >= MIN_CREDENTIAL_SECONDS else None


def _checked(*, answer: dict[str, Any]) -> dict[str, object]:
    """The agent's answer as the caller gets it; a caller can do nothing with another."""
    sdp, pc_id = answer.get("sdp"), answer.get("pc_id")
    if answer.get("type") != "answer" or not isinstance(sdp, str) or not isinstance(pc_id, str):
        raise _unusable_answer(reason="it is not an SDP answer with a pc_id")
    if not _PC_ID.fullmatch(pc_id):
        raise _unusable_answer(reason="its pc_id could not come back")
    try:
        check_sdp(sdp)
    except SdpError as error:
        raise _unusable_answer(reason=f"its SDP {error}") from None
    return {"sdp": sdp, "type": "answer", "pc_id": pc_id}


def _unusable_answer(*, reason: str) -> ApiError:
    return agent_failed(
        message="The agent's answer can't become a call. Tell the service's operator this request id.",
        note=f"the agent's answer: {reason}",
    )
