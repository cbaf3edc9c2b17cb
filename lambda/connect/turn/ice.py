"""What a source of ICE servers answers, whichever source a deployment has."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.errors import RETRY_LATER, ApiError

# RFC 7064 and RFC 7065, with IPv6 literals as well.
_URL = re.compile(
    r"(?:stuns?|turns?):(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:\?transport=(?:udp|tcp))?"
)


@dataclass(frozen=True, kw_only=True)
class IceServer:
    """One RTCIceServer (https://www.w3.org/TR/webrtc/#dom-rtciceserver); the credential stays out of `repr`."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)

    def as_json(self) -> dict[str, object]:
        """`{"urls": [...]}`, with `username` and `credential` where the server wants them."""
        answer: dict[str, object] = {"urls": list(self.urls)}
        if self.username:
            answer |= {"username": self.username, "credential": self.credential}
        return answer


@dataclass(frozen=True, kw_only=True)
class IceAnswer:
    """The ICE servers of one call, each with UDP first.

    `expires_at` (Unix seconds) is when the credentials of a source end that answers only so often; None where looking
    them up again costs nothing.
    """

    servers: tuple[IceServer, ...]
    expires_at: float | None


def is_ice_url(value: object) -> bool:
    """Whether a value is the URL of a STUN or TURN server."""
    return isinstance(value, str) and len(value) <= 256 and _URL.fullmatch(value) is not None


def is_turn_url(url: str) -> bool:
    """Whether a STUN or TURN server's URL is TURN's."""
    return url.startswith("turn")


def udp_first(urls: Iterable[str]) -> tuple[str, ...]:
    """The URLs in the order in which to try them: UDP, DTLS, TCP, TLS; a STUN server's before them all."""
    return tuple(sorted(urls, key=_rank))


def _rank(url: str) -> int:
    if not is_turn_url(url):
        return 0
    is_secure = url.startswith("turns:")
    # Without a transport, turn: is UDP and turns: is TLS over TCP (RFC 7065, section 3.1).
    is_udp = url.endswith("?transport=udp") or (not is_secure and "?" not in url)
    return 1 + 2 * (not is_udp) + is_secure


def turn_unavailable(*, note: str) -> ApiError:
    """No source of ICE servers answered: 503, and the caller may try again."""
    return ApiError(
        status=503,
        code="turn_unavailable",
        message="The service could not get a relay for the call. Try again in a moment.",
        headers=RETRY_LATER,
        note=note,
    )
