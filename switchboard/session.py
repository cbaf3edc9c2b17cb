"""One call over any transport: a microphone that stays open, and a timed note of all that comes back."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from switchboard.audio import FRAME_SECONDS, Loudspeaker
from switchboard.errors import ExitCode, OperatorError, redact
from switchboard.microphone import Microphone
from switchboard.report import PathFacts
from switchboard.rtvi import RtviMessage


class EndedBy(StrEnum):
    """Who ended a call."""

    BOT = "bot"
    CALLER = "caller"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the call ended. A WebSocket has a close code: 1000 and 1001 hang up, all others (RFC 6455 §7.4) are drops."""

    by: EndedBy
    code: int | None = None
    reason: str = ""

    def __str__(self) -> str:
        words = {EndedBy.BOT: "the bot hung up", EndedBy.CALLER: "we hung up", EndedBy.DROPPED: "dropped"}
        code = f" with code {self.code}" if self.by is EndedBy.DROPPED and self.code is not None else ""
        return words[self.by] + code + (f" ({redact(self.reason)})" if self.reason else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An RTVI message and when it came (monotonic seconds)."""

    at: float
    message: RtviMessage


class Session(ABC):
    """A call in progress, and its record afterwards. Times are monotonic seconds.

    Implementations open the connection, set `connected`, and note what comes.
    """

    def __init__(self, *, ending: Ending) -> None:
        self.connect_started = monotonic()
        self.connected = self.connect_started
        self.microphone = Microphone(self._send_audio)
        self.loudspeaker = Loudspeaker()
        self.received: list[Received] = []
        self.over = False
        self.ending = ending
        """Ours, unless something else ends the call first."""

    @property
    def paths(self) -> list[PathFacts]:
        """The paths that ICE found, in their order; none without WebRTC."""
        return []

    @property
    def interruptions(self) -> list[float]:
        """Seconds without a WebSocket, for each that was lost and replaced; WebRTC's are in its paths."""
        return []

    @property
    @abstractmethod
    def connections(self) -> int:
        """How many there were, one in the other's place."""

    @abstractmethod
    async def _send_audio(self, pcm: bytes) -> None:
        """Send a frame of the microphone's."""

    @abstractmethod
    def _work(self) -> list[Coroutine[None, None, None]]:
        """What has to run while the call is in progress."""

    @abstractmethod
    async def _close(self) -> None:
        """Close the connection."""

    @asynccontextmanager
    async def in_progress(self) -> AsyncIterator[None]:
        """Keep microphone and loudspeaker going while the block runs; hang up after it, unless the call has ended."""
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in self._work()]
            try:
                yield
            finally:
                self.over = True
                await self._close()
                for task in running:
                    task.cancel()

    def messages(self, *types: str, start: float = 0.0, end: float = float("inf")) -> Iterator[Received]:
        """The RTVI messages of these types received in this time."""
        return (item for item in self.received if item.message.type in types and start <= item.at < end)

    async def until(self, condition: Callable[[], object], *, timeout_seconds: float) -> bool:
        """Wait for the condition; False when time ran out, or the call ended, before it held.

        Nothing is timed by this wait (what comes in is stamped on arrival), so a look every frame is enough.
        """
        deadline = monotonic() + timeout_seconds
        while not condition():
            if self.over or monotonic() >= deadline:
                return bool(condition())
            await asyncio.sleep(FRAME_SECONDS)
        return True

    def _note(self, message: RtviMessage | None) -> None:
        if message is not None:
            self.received.append(Received(at=monotonic(), message=message))

    def _end(self, ending: Ending) -> None:
        if not self.over:
            self.over, self.ending = True, ending


def connection_failure(problem: str, *causes: str, next_steps: tuple[str, ...] = ()) -> OperatorError:
    """A failure of the kind CONNECTING."""
    return OperatorError(
        exit_code=ExitCode.CONNECTING,
        problem=problem,
        causes=causes,
        next_steps=[*next_steps, "try again", "read the runtime's log group for this time"],
    )
