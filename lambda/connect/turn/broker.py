"""What Cloudflare's and Twilio's credential brokers have in common: one request, and a list of RTCIceServer."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connect.turn.ice import IceServer, is_ice_url, is_turn_url, turn_unavailable, udp_first
from shared.errors import ApiError, wrong_setup
from shared.https_request import UnreachableError, post

LIFETIME_SECONDS = 8 * 3600 + 300
"""AgentCore's longest session, and time to set it up.

A credential that ends under a call ends its relay: Cloudflare disconnects soon after
(https://developers.cloudflare.com/realtime/turn/faq/), and Twilio doesn't say what it does. The greatest lifetimes are
48 hours there and 24 hours at Twilio.
"""

TIMEOUT_SECONDS = 5


class MalformedAnswerError(Exception):
    """A broker answered something else than its documentation says; the message quotes nothing of it."""


@dataclass(frozen=True, kw_only=True)
class BrokerAnswer:
    """The JSON object that a broker answered, and when it was asked (Unix seconds)."""

    fields: Mapping[str, Any] = field(repr=False)
    asked_at: float


def ask_broker(*, broker: str, url: str, headers: Mapping[str, str], body: bytes) -> BrokerAnswer:
    """POST to a broker.

    Raises `ApiError`: 500 where it refuses our key or request, 503 where it is too busy, failing or out of reach.
    """
    asked_at = time.time()
    try:
        response = post(url=url, headers=headers, body=body, timeout_seconds=TIMEOUT_SECONDS)
    except UnreachableError as error:
        raise turn_unavailable(note=f"{broker}: {error}") from None
    if response.status == 429 or response.status >= 500:
        raise turn_unavailable(note=f"{broker}: HTTP {response.status}")
    if not 200 <= response.status < 300:
        raise wrong_setup(
            note=f"{broker} refused to mint TURN credentials: HTTP {response.status}; check the key in the TURN secret"
        )
    try:
        fields = json.loads(response.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise malformed(broker=broker, reason="it is no JSON object")
    return BrokerAnswer(fields=fields, asked_at=asked_at)


def rtc_ice_servers(*, broker: str, value: object) -> tuple[IceServer, ...]:
    """A list of RTCIceServer, checked, each with UDP first.

    Raises `ApiError` (503) where it is no such list, or has no TURN server.
    """
    try:
        servers = tuple(_server(item=item) for item in _list(value))
    except MalformedAnswerError as error:
        raise malformed(broker=broker, reason=str(error)) from None
    if not any(is_turn_url(url) for server in servers for url in server.urls):
        raise malformed(broker=broker, reason="it names no TURN server")
    return servers


def malformed(*, broker: str, reason: str) -> ApiError:
    """The answer can't be used, and nobody knows why: the caller may try again."""
    return turn_unavailable(note=f"{broker}: malformed answer: {reason}")


def _server(*, item: object) -> IceServer:
    if not isinstance(item, dict):
        raise MalformedAnswerError("an ICE server is no object")
    given = item.get("urls")
    urls = [given] if isinstance(given, str) else given
    if not isinstance(urls, list) or not urls or not all(is_ice_url(url) for url in urls):
        raise MalformedAnswerError("an ICE server's urls are no list of STUN and TURN URLs")
    username, credential = item.get("username", ""), item.get("credential", "")
    if not isinstance(username, str) or not isinstance(credential, str):
        raise MalformedAnswerError("a username or credential is no text")
    if any(is_turn_url(url) for url in urls) and not (username and credential):
        raise MalformedAnswerError("a TURN server lacks its username or credential")
    return IceServer(urls=udp_first(urls), username=username, credential=credential)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise MalformedAnswerError("it has no list of ICE servers")
    return value
