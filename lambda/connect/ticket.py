"""What signaling must remember from one request to the next, carried in the session's path instead of a table."""

import base64
import hashlib
import hmac
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

from connect.turn import IceAnswer, IceServer
from shared.errors import ApiError, wrong_setup

MAX_JSON_BYTES = 5 * 1024
"""The caller's body (2 KB) and the ICE servers. Even incompressible, that leaves a third of the 10,240 bytes that API
Gateway takes as request line and headers to the caller's token
(https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html)."""

_FORM = re.compile(r"([A-Za-z0-9_-]{1,8192})\.([0-9a-f]{64})")
# No session id's proof is made over a text like this: those begin with 32 random hexadecimal digits.
_KEY_LABEL = b"switchboard ticket"


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """The caller's `body` for the agent, and the ICE servers that the caller got, where asking again would cost."""

    body: dict[str, Any] = field(default_factory=dict, repr=False)
    ice: IceAnswer | None = field(default=None, repr=False)


def path_id(*, key: bytes, session_id: str, ticket: Ticket) -> str:
    """The session's id, then `.` and the ticket where there is anything to carry; fit for a URL's path as it is.

    `key` is the session key. Raises `ApiError` (500) where the source of ICE servers answers more than a path holds.
    """
    carried = _carried(ticket=ticket)
    if not carried:
        return session_id
    plain = json.dumps(carried, ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) > MAX_JSON_BYTES:
        raise wrong_setup(
            note=f"a ticket of {len(plain)} bytes, at most {MAX_JSON_BYTES}: fewer ICE servers are needed"
        )
    payload = base64.urlsafe_b64encode(zlib.compress(plain, level=9)).rstrip(b"=").decode()
    return f"{session_id}.{payload}.{_proof(key=key, session_id=session_id, payload=payload)}"


def open_ticket(*, key: bytes, session_id: str, text: str) -> Ticket:
    """Read what `path_id` wrote behind this session's id; raises `ApiError` (400 `malformed_ticket`)."""
    match = _FORM.fullmatch(text)
    if not match:
        raise _malformed()
    payload, proof = match.groups()
    if not hmac.compare_digest(proof, _proof(key=key, session_id=session_id, payload=payload)):
        raise _malformed()
    try:
        return _ticket(carried=json.loads(_inflated(payload=payload)))
    except (KeyError, TypeError, ValueError, zlib.error):
        raise _malformed() from None


def _carried(*, ticket: Ticket) -> dict[str, object]:
    carried: dict[str, object] = {}
    if ticket.body:
        carried["body"] = ticket.body
    if ticket.ice and ticket.ice.expires_at is not None:
        carried["iceServers"] = [server.as_json() for server in ticket.ice.servers]
        carried["expiresAt"] = ticket.ice.expires_at
    return carried


def _proof(*, key: bytes, session_id: str, payload: str) -> str:
    ticket_key = hmac.digest(key, _KEY_LABEL, hashlib.sha256)
    return hmac.new(ticket_key, f"{session_id}.{payload}".encode(), hashlib.sha256).hexdigest()


def _inflated(*, payload: str) -> bytes:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), MAX_JSON_BYTES)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("longer than a ticket, or cut short")
    return plain


def _ticket(*, carried: object) -> Ticket:
    fields = _typed(carried, dict)
    ice = None
    if "iceServers" in fields:
        servers = tuple(_ice_server(item=item) for item in _typed(fields["iceServers"], list))
        ice = IceAnswer(servers=servers, expires_at=float(_typed(fields["expiresAt"], int, float)))
    return Ticket(body=_typed(fields.get("body", {}), dict), ice=ice)


def _ice_server(*, item: object) -> IceServer:
    fields = _typed(item, dict)
    return IceServer(
        urls=tuple(_typed(url, str) for url in _typed(fields["urls"], list)),
        username=_typed(fields.get("username", ""), str),
        credential=_typed(fields.get("credential", ""), str),
    )


def _typed(value: Any, *types: type) -> Any:
    if not isinstance(value, types):
        raise TypeError
    return value


def _malformed() -> ApiError:
    return ApiError(
        status=400,
        code="malformed_ticket",
        message="What follows the session id in the path is damaged; use the whole sessionId of the last answer.",
    )
