"""A telephone that speaks and listens, on the stand-in for Daily's telephone network."""

import asyncio
import re

from local.daily.phone import Phone
from offline_speech import synthesize, transcribe
from tests.agent_image.agent_process import until

_RATE = 16_000
# So long a silence is the end of what the bot says; what is shorter than the other is nothing yet.
_PAUSE_SECONDS, _LEAST_SECONDS = 0.9, 0.3
_WITHIN_SECONDS = 60.0
# Who isn't understood says it again, after this time.
_ANSWER_SECONDS, _ATTEMPTS = 20.0, 3


class Telephone:
    """What is heard is kept, without its silence, from the last question on."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self._since = 0

    async def hears(self, pattern: str, *, within: float = _WITHIN_SECONDS) -> str:
        """Wait until the bot has said this (a regular expression) and paused; all it said, in lower case."""
        heard, before = "", -1

        async def said() -> bool:
            nonlocal heard, before
            pcm, rate = self.phone.heard()
            if len(pcm) == before or not await self._paused(len(pcm)):
                return False
            before = len(pcm)
            heard = (await asyncio.to_thread(transcribe, pcm[self._since :], sample_rate=rate)).lower()
            return re.search(pattern, heard) is not None

        try:
            await until(said, within=within)
        except TimeoutError as error:
            error.add_note(f"the bot said {heard!r}, and not {pattern!r}")
            raise
        return heard

    async def ask(self, text: str, *, answer: str) -> str:
        """Say something until the bot's answer shows that it understood; what it answered."""
        for attempt in range(_ATTEMPTS):
            self._since = len(self.phone.heard()[0])
            await self.say(text)
            try:
                return await self.hears(answer, within=_ANSWER_SECONDS)
            except TimeoutError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    async def say(self, text: str) -> None:
        await self.phone.speak(synthesize(text, sample_rate=_RATE), sample_rate=_RATE)

    async def press(self, tones: str, *, answer: str) -> None:
        self._since = len(self.phone.heard()[0])
        await self.phone.press(tones)
        await self.hears(answer)

    async def _paused(self, length: int) -> bool:
        if length - self._since < 2 * _RATE * _LEAST_SECONDS:
            return False
        await asyncio.sleep(_PAUSE_SECONDS)
        return len(self.phone.heard()[0]) == length
