"""Phone calls: what is known of one, from its signed URL to its outcome (docs/decisions/0030-phone-calls.md)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipecat.runner.types import RunnerArguments

type StreamCarrier = Literal["plivo", "telnyx", "twilio", "vonage"]
type Carrier = StreamCarrier | Literal["daily"]
type Direction = Literal["inbound", "outbound"]
type AnsweredBy = Literal["human", "machine", "unknown"]
type Encoding = Literal["PCMU", "PCMA", "L16"]
type Outcome = Literal["transfer", "ended", "failed", "unknown"]

_REFUSED_OR_FAILED = ("1008", "1011")  # RFC 6455, 7.4.1


@dataclass(frozen=True, kw_only=True)
class PhoneStream:
    """A media stream as its carrier announced it: what the carrier sends is `encoding` at `sample_rate` Hz, mono.

    `stream_id` is the carrier's name for it, and empty where it needs none.
    """

    carrier: StreamCarrier
    stream_id: str
    encoding: Encoding
    sample_rate: int


@dataclass(kw_only=True)
class PhoneCall:
    """A phone call, as the signed URL of its stream tells of it, or the message that asked the agent into its room.

    `caller` is the pseudonym of the other party's number, and empty where that is withheld; `can_transfer` says whether
    somebody is there to take over. `answered_by` is known of outbound calls only, and may change during the call.
    """

    carrier: Carrier
    direction: Direction
    caller: str
    can_transfer: bool
    answered_by: AnsweredBy = "unknown"
    stream: PhoneStream | None = None
    on_answered: Callable[[], Awaitable[None]] | None = None
    outcome: Outcome = "unknown"
    reason: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def transfer(self, *, reason: str) -> None:
        """Let the carrier connect a human, as soon as the stream has ended."""
        self.outcome, self.reason = "transfer", reason

    async def note_answer(self, answered_by: AnsweredBy) -> None:
        """Take notice of who, or what, took the call."""
        self.answered_by = answered_by
        if self.on_answered:
            await self.on_answered()

    def finish(self, *, end: str, abandoned: bool) -> None:
        """Take notice of the end: `end` as a `Connection` explains it, `abandoned` when the agent hadn't decided on it.

        The carrier asks how the call goes on only while its caller is still there. A stream that ended by itself before
        that is a failure, and none of the caller's making.
        """
        if self.outcome != "transfer":
            failed = abandoned or end.startswith(_REFUSED_OR_FAILED)
            self.outcome, self.reason = ("failed" if failed else "ended"), end[len("1000 ") :]
        self.over.set()


def phone_call(runner_args: "RunnerArguments") -> PhoneCall | None:
    """The phone call that a bot is to serve; None for a call that came another way."""
    connections = (getattr(runner_args, name, None) for name in ("websocket", "connection"))
    found = (getattr(connection, "phone", None) for connection in connections)
    return next((phone for phone in found if isinstance(phone, PhoneCall)), None)
