"""The ICE servers of a call, and those of their TURN URIs that this agent can use."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field, field_validator

type RelayTransport = Literal["udp", "tls", "tcp"]

_STUN = re.compile(r"stuns?:.+", re.IGNORECASE)
_TURN = re.compile(
    r"(?P<scheme>turns?):(\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:?/@]+))(:(?P<port>[0-9]{1,5}))?"
    r"(\?transport=(?P<transport>udp|tcp))?",
    re.IGNORECASE,
)


class IceServer(BaseModel):
    """An RTCIceServer (https://www.w3.org/TR/webrtc/#rtciceserver-dictionary); its URIs are as in RFC 7064 and 7065."""

    urls: list[str]
    username: str = ""
    credential: str = Field(default="", repr=False)

    @field_validator("urls")
    @classmethod
    def _are_uris(cls, urls: list[str]) -> list[str]:
        if not all(_STUN.fullmatch(url) or _TURN.fullmatch(url) for url in urls):
            raise ValueError("allowed are stun:, stuns:, turn: and turns: URIs")
        return urls


@dataclass(frozen=True, kw_only=True)
class TurnServer:
    """One TURN URI with its credentials. `transport` is how the server is reached; what it relays is always UDP."""

    host: str
    port: int
    transport: RelayTransport
    username: str
    credential: str = field(repr=False)

    @property
    def uri(self) -> str:
        """The URI, with its port and its transport."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme, transport = {"udp": ("turn", "udp"), "tls": ("turns", "tcp"), "tcp": ("turn", "tcp")}[self.transport]
        return f"{scheme}:{host}:{self.port}?transport={transport}"


def turn_servers(ice_servers: Iterable[IceServer]) -> list[TurnServer]:
    """The TURN URIs, each once and in their order, without those over DTLS, which aioice doesn't speak."""
    found = (_turn_server(url, server) for server in ice_servers for url in server.urls)
    return list(dict.fromkeys(turn for turn in found if turn))


def _turn_server(url: str, server: IceServer) -> TurnServer | None:
    match = _TURN.fullmatch(url)
    if match is None:
        return None
    secure = match["scheme"].lower() == "turns"
    transport = (match["transport"] or ("tcp" if secure else "udp")).lower()
    if secure and transport == "udp":
        return None
    return TurnServer(
        host=match["ipv6"] or match["name"],
        port=int(match["port"] or (5349 if secure else 3478)),
        transport="tls" if secure else "udp" if transport == "udp" else "tcp",
        username=server.username,
        credential=server.credential,
    )
