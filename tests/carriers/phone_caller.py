"""A person on a phone line: says sentences, hears the answers out, and knows what the words were."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import soxr

from switchboard.audio import FRAME_BYTES, SAMPLE_RATE, BotAudio, Loudspeaker, trim, write_stereo_wav
from switchboard.microphone import Microphone
from switchboard.speech import load_speech
from switchboard.words import words
from tests.carriers.line import PhoneLine

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 30.0
"""For the bot to begin, and for it to end: a machine that does much else is slow."""
SILENCE_SECONDS = 1.2
"""That end an answer: no carrier says when a bot has finished."""
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was said, what was heard in answer, and how long the answer took to begin; 0 for a greeting."""

    said: str
    heard: str
    seconds: float

    def has(self, *expected: str) -> bool:
        """Whether all these words were heard."""
        heard = words(self.heard)
        return all(word in heard for text in expected for word in words(text))


class SilentBotError(AssertionError):
    """The bot did not say what it was waited for."""


class PhoneCaller:
    """Talks on a line while `talking()`; `turns` are what took place."""

    def __init__(self, line: PhoneLine) -> None:
        self.line = line
        self.turns: list[Turn] = []
        self.loudspeaker = Loudspeaker()
        self.microphone = Microphone(self._speak)
        self._speech = load_speech()
        self._narrow = soxr.ResampleStream(SAMPLE_RATE, line.sample_rate, 1, dtype="int16")
        self._unsent = bytearray()
        self._frame_bytes = FRAME_BYTES * line.sample_rate // SAMPLE_RATE
        self._noted = 0.0
        line.on_audio = self._hear

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[None]:
        """Be on the phone: the microphone is open, and sends silence between the sentences."""
        microphone = asyncio.create_task(self.microphone.run())
        try:
            yield
        finally:
            microphone.cancel()
            await asyncio.wait([microphone])
            if not microphone.cancelled():
                microphone.result()

    async def greeting(self) -> Turn:
        """Hear out what the bot says unasked."""
        return await self._answer("", since=self._noted)

    async def say(self, sentence: str) -> Turn:
        """Say a sentence and hear the answer out."""
        since = await self._pronounce(sentence)
        return await self._answer(sentence, since=since)

    async def tell(self, sentence: str, *expected: str) -> None:
        """Say a sentence, again where it was misheard, until these words are in the answer; raises `SilentBotError`."""
        for _ in range(_TRIES):
            if (await self.say(sentence)).has(*expected):
                return
        raise SilentBotError(f"the bot did not say {expected}: {self.turns[-_TRIES:]}")

    async def interrupt(self, sentence: str, *, after: float) -> Turn:
        """Talk over the bot, so many seconds after it began to answer what was asked; hear the new answer out."""
        since = self._noted
        await self._until(lambda: self.loudspeaker.first_sound(after=since) is not None, "did not answer")
        began = self.loudspeaker.first_sound(after=since) or since
        await self._until(lambda: monotonic() >= began + after, "did not answer")
        cleared = self.line.cleared
        ended = await self._pronounce(sentence)
        await self._until(lambda: self.line.cleared > cleared, "did not stop when it was talked over")
        return await self._answer(sentence, since=ended)

    async def ask(self, sentence: str) -> None:
        """Say a sentence, and don't wait."""
        self._noted = await self._pronounce(sentence)

    async def press(self, digit: str) -> Turn:
        """Press a key and hear the answer out."""
        since = monotonic()
        await self.line.press(digit)
        return await self._answer(f"[{digit}]", since=since)

    def save(self, path: Path) -> None:
        """Keep the call: caller left, bot right."""
        write_stereo_wav(path, caller=self.microphone.recording, bot=self.loudspeaker.stretches)

    async def _pronounce(self, sentence: str) -> float:
        """Say it; returns when that was over, in monotonic seconds."""
        self.microphone.say(trim(self._speech.synthesize(sentence, sample_rate=SAMPLE_RATE)))
        await self._until(lambda: not self.microphone.speaking, "ended the call")
        return self.microphone.spoken_until

    async def _answer(self, said: str, *, since: float) -> Turn:
        problem = f"did not answer to {said!r}" if said else "said nothing"
        await self._until(lambda: self.loudspeaker.first_sound(after=since) is not None, problem)
        first = self.loudspeaker.first_sound(after=since) or since
        await self._until(
            lambda: monotonic() >= self.loudspeaker.last_sound + SILENCE_SECONDS or self.line.ended.is_set(),
            "did not stop talking",
        )
        turn = Turn(said=said, heard=await self._heard(since=first), seconds=first - since if said else 0.0)
        self.turns.append(turn)
        self._noted = monotonic()
        return turn

    async def _heard(self, *, since: float) -> str:
        pcm = b"".join(bytes(stretch.pcm) for stretch in self.loudspeaker.stretches if stretch.end > since)
        stretch = next(stretch for stretch in self.loudspeaker.stretches if stretch.end > since)
        skipped = 2 * max(0, round((since - stretch.start) * stretch.sample_rate))
        return await asyncio.to_thread(self._speech.transcribe, pcm[skipped:], sample_rate=stretch.sample_rate)

    async def _speak(self, pcm: bytes) -> None:
        narrow = self._narrow.resample_chunk(np.frombuffer(pcm, dtype=np.int16))
        self._unsent += narrow.tobytes()
        while len(self._unsent) >= self._frame_bytes:
            frame = bytes(self._unsent[: self._frame_bytes])
            del self._unsent[: self._frame_bytes]
            await self.line.send(frame)

    def _hear(self, audio: BotAudio) -> None:
        self.loudspeaker.play_live(audio, now=monotonic())

    async def _until(self, condition: Callable[[], bool], problem: str) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        while not condition():
            if self.line.ended.is_set() or monotonic() > deadline:
                raise SilentBotError(f"the bot {problem}; so far: {self.turns}")
            await asyncio.sleep(LOOK_SECONDS)
