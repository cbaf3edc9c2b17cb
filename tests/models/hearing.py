"""How the stand-ins for speech recognition hear: stretches of loud audio between pauses, transcribed by Moonshine."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from offline_speech import transcribe

_LOUD = 500
# Moonshine's smallest model hears best what starts with the voice and ends with so much silence.
_TRAILING_SECONDS = 0.5
# Real services send what they hear in between long before the end; Pipecat loses a turn in which both come at once.
_BETWEEN_SECONDS = 0.1


type Ear = Callable[..., str]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A transcript; `start` and `end` are seconds of the audio that came so far."""

    text: str
    start: float
    end: float
    final: bool


@dataclass(kw_only=True)
class Hearing:
    """Hears one stream of PCM16 mono. `pause_seconds` of silence end a segment."""

    sample_rate: int
    pause_seconds: float
    ear: Ear = transcribe
    clock: float = 0.0
    news: asyncio.Queue[Heard] = field(default_factory=asyncio.Queue)
    _audio: bytearray = field(default_factory=bytearray)  # of the segment, from its first loud piece
    _start: float | None = None
    _end: float = 0.0
    _work: asyncio.Task[None] | None = None

    def listen(self, pcm: bytes) -> None:
        """Take audio in; what it completes comes to `news` a little later."""
        before = self.clock
        self.clock += len(pcm) / 2 / self.sample_rate
        if np.any(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) > _LOUD):
            if self._start is None:
                self._start = before
            self._end = self.clock
        if self._start is None:
            return
        self._audio += pcm
        if self.clock - self._end >= self.pause_seconds:
            self.finalize()

    def finalize(self) -> bool:
        """End the segment now; whether there was one."""
        if self._start is None:
            return False
        voice = bytes(self._audio[: round((self._end - self._start) * self.sample_rate) * 2])
        self._work = asyncio.create_task(self._hear(voice, start=self._start, end=self._end, after=self._work))
        self._start = None
        self._audio.clear()
        return True

    async def _hear(self, voice: bytes, *, start: float, end: float, after: asyncio.Task[None] | None) -> None:
        if after:
            await after
        silence = bytes(int(_TRAILING_SECONDS * self.sample_rate) * 2)
        text = await asyncio.to_thread(self.ear, voice + silence, sample_rate=self.sample_rate)
        # Moonshine takes most of a processor, so what would be heard in between is made from what was heard in the end.
        half = " ".join(text.split()[: len(text.split()) // 2])
        await self.news.put(Heard(text=half, start=start, end=(start + end) / 2, final=False))
        await asyncio.sleep(_BETWEEN_SECONDS)
        await self.news.put(Heard(text=text, start=start, end=end, final=True))
