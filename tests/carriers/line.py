"""The far end of a phone call: a person who hears, speaks, presses keys and hangs up."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Literal, Protocol

from switchboard.audio import BotAudio
from tests.carriers.media import MediaStream, MisuseError

type AnsweredBy = Literal["human", "machine"]
type Rejection = Literal["busy", "no-answer", "failed"]
type Status = Literal["queued", "ringing", "answered", "completed", "busy", "no-answer", "failed", "canceled"]


class Reporter(Protocol):
    """The carrier, as far as a line needs it."""

    async def report(self, line: "PhoneLine", status: Status) -> None:
        """Send the signed status webhook, where somebody asked for it."""


class PhoneLine:
    """One call as its far end lives it. Mono PCM16 at `sample_rate`.

    `heard` fills with the bot's audio as it sounds, and `on_audio` is called with the same. `said` are the texts that
    the carrier spoke, `statuses` all that became of the call, `problems` what the carrier would have in its error log:
    closing the stand-in fails over one that the test did not take out.
    """

    def __init__(
        self, *, carrier: Reporter, call_id: str, direction: Literal["inbound", "outbound"], caller: str, called: str
    ) -> None:
        self.call_id = call_id
        self.direction = direction
        self.caller = caller
        self.called = called
        self.sample_rate = 8000
        self.heard: asyncio.Queue[BotAudio] = asyncio.Queue()
        self.on_audio: Callable[[BotAudio], None] | None = None
        self.said: list[str] = []
        self.statuses: list[Status] = []
        self.problems: list[str] = []
        self.streams: list[MediaStream] = []
        self.recorded = False
        self.transferred_to: str | None = None
        self.transferred = asyncio.Event()
        self.streaming = asyncio.Event()
        self.ended = asyncio.Event()
        self.answered = direction == "inbound"
        self.answered_by: AnsweredBy = "human"
        self._carrier = carrier
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._decision: asyncio.Future[AnsweredBy | Rejection] = asyncio.get_running_loop().create_future()
        self._course: asyncio.Task[None] | None = None
        self._ending = False

    @property
    def cleared(self) -> int:
        """How often the bot took back what had not sounded yet."""
        return sum(stream.cleared for stream in self.streams)

    # What a person does

    async def send(self, pcm: bytes) -> None:
        """Speak 20 ms, at the pace of whoever calls; lost where no bot listens."""
        if self.streaming.is_set():
            await self.streams[-1].send_audio(pcm)

    async def press(self, digit: str) -> None:
        """Press a key: the bot gets it while it listens, otherwise the carrier's question does."""
        if self.streaming.is_set():
            await self.streams[-1].send_digit(digit)
        else:
            self._keys.put_nowait(digit)

    async def stay_silent(self) -> None:
        """Let the carrier's question run out of time, without the wait."""
        self._keys.put_nowait("")

    async def hang_up(self) -> None:
        """End the call; returns when the carrier has told everybody."""
        await self.end("completed" if self.answered else "canceled")

    async def pick_up(self, answered_by: AnsweredBy = "human") -> None:
        """Answer a ringing phone."""
        self._decision.set_result(answered_by)

    async def reject(self, reason: Rejection = "busy") -> None:
        """Don't; returns when the carrier has told everybody."""
        self._decision.set_result(reason)
        await self.ended.wait()

    # What the carrier does with it

    async def decision(self) -> AnsweredBy | Rejection:
        """What the called person does about the ringing."""
        return await asyncio.shield(self._decision)

    async def key(self, *, within: float) -> str:
        """The next key that is pressed within some seconds, else nothing."""
        try:
            async with asyncio.timeout(within):
                return await self._keys.get()
        except TimeoutError:
            return ""

    async def until_streaming(self) -> None:
        """Wait until a bot listens, or the call has ended."""
        waits = [asyncio.create_task(event.wait()) for event in (self.streaming, self.ended)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def hear(self, audio: BotAudio) -> None:
        """Let it sound."""
        self.heard.put_nowait(audio)
        if self.on_audio:
            self.on_audio(audio)

    async def join(self, stream: MediaStream) -> None:
        """Be connected to a bot until it closes the stream, or until the call ends."""
        self.streams.append(stream)
        running = asyncio.create_task(stream.run())
        opened = asyncio.create_task(stream.opened.wait())
        try:
            await asyncio.wait({running, opened}, return_when=asyncio.FIRST_COMPLETED)
            if opened.done():
                self.streaming.set()
            await asyncio.shield(running)
        finally:
            self.streaming.clear()
            opened.cancel()
            running.cancel()
            await asyncio.wait({running})

    async def transfer(self, target: str) -> None:
        """Be joined to somebody else until one of both hangs up."""
        self.transferred_to = target
        self.transferred.set()
        await asyncio.Event().wait()

    def follow(self, course: Coroutine[None, None, None]) -> None:
        """Let the call take its course; it ends with it."""
        self._course = asyncio.create_task(self._live(course))

    async def _live(self, course: Coroutine[None, None, None]) -> None:
        try:
            await course
        except MisuseError as problem:
            self.problems.append(str(problem))
        except Exception:
            self.ended.set()
            raise
        await self.end("completed" if self.answered else "failed")

    async def end(self, status: Status) -> None:
        """End the call so; a call that has ended stays as it ended."""
        if self._ending:
            await self.ended.wait()
            return
        self._ending = True
        try:
            if self._course and self._course is not asyncio.current_task():
                self._course.cancel()
                await asyncio.wait({self._course})
            await self._carrier.report(self, status)
        except MisuseError as problem:
            self.problems.append(str(problem))
        finally:
            self.ended.set()

    async def close(self) -> None:
        """Let go of the line without telling anybody, and raise what went wrong on it."""
        if self._course:
            self._course.cancel()
            (outcome,) = await asyncio.gather(self._course, return_exceptions=True)
            if isinstance(outcome, Exception):
                raise outcome
        assert not self.problems, f"call {self.call_id}: {'; '.join(self.problems)}"
