"""What caller and agent tell each other before there is a path between them, and the ICE servers that help."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from switchboard.errors import OperatorError


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """An RTCIceServer (https://www.w3.org/TR/webrtc/#rtciceserver-dictionary)."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The agent's answer to an offer, and the name that it gives the peer connection."""

    sdp: str = field(repr=False)
    pc_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A candidate as RTCIceCandidateInit has it: the attribute without `a=`, and the media section that it is for."""

    candidate: str = field(repr=False)
    sdp_mid: str
    sdp_mline_index: int


class RefusedError(OperatorError):
    """A request that will be refused again: not to be repeated."""


class Signaling(Protocol):
    """The way to the agent. Each method raises OperatorError, and RefusedError where asking again is of no use."""

    async def offer(self, *, sdp: str, pc_id: str | None, restart: bool) -> Answer:
        """Send an offer: the first of a call (no pc_id), for a new peer connection in its place, or for the same."""

    async def candidates(self, *, pc_id: str, candidates: Sequence[Candidate]) -> None:
        """Send the candidates that an offer left out."""

    async def fresh_ice_servers(self) -> Sequence[IceServer]:
        """ICE servers whose credentials are valid now."""
