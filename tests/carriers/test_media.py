"""μ-law beside another implementation of it, and the line that plays in real time."""

import asyncio
from time import monotonic

import numpy as np
import pytest
from pipecat.audio.utils import create_stream_resampler, pcm_to_ulaw, ulaw_to_pcm

from switchboard.audio import BotAudio
from tests.carriers.media import Playout, ulaw_decode, ulaw_encode

FRAME = b"\x01\x10" * 160


async def test_ulaw_is_what_pipecat_speaks() -> None:
    every_sample = np.arange(-32768, 32768, dtype=np.int16).tobytes()
    every_code = bytes(range(256))
    resampler = create_stream_resampler()

    assert ulaw_encode(every_sample) == await pcm_to_ulaw(every_sample, 8000, 8000, resampler)
    assert ulaw_decode(every_code) == await ulaw_to_pcm(every_code, 8000, 8000, resampler)


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.passed: list[tuple[str, int]] = []
        self.playout = Playout(sample_rate=8000, hear=self._hear, passed=self._pass)

    def _hear(self, audio: BotAudio) -> None:
        assert audio.sample_rate == 8000
        self.heard.append((monotonic(), audio.pcm))

    async def _pass(self, name: str) -> None:
        self.passed.append((name, len(self.heard)))

    async def listen(self, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.playout.run()


async def test_it_plays_at_the_pace_of_a_clock() -> None:
    listener = Listener()
    listener.playout.add(FRAME * 20)

    await listener.listen(0.6)

    assert b"".join(pcm for _, pcm in listener.heard) == FRAME * 20
    assert {len(pcm) for _, pcm in listener.heard} == {len(FRAME)}
    lasted = listener.heard[-1][0] - listener.heard[0][0]
    assert lasted >= 19 * 0.02 - 0.001, "never faster than real time"


async def test_a_mark_is_passed_when_all_before_it_has_sounded() -> None:
    listener = Listener()
    for piece in ("first", FRAME[:200], FRAME, "second", FRAME, "third"):
        listener.playout.add(piece)

    await listener.listen(0.3)

    # 200 bytes and 320 bytes are two frames.
    assert listener.passed == [("first", 0), ("second", 2), ("third", 3)]
    assert b"".join(pcm for _, pcm in listener.heard) == FRAME[:200] + FRAME * 2


async def test_what_is_cleared_is_never_heard() -> None:
    listener = Listener()
    for piece in (FRAME * 50, "never", FRAME * 50):
        listener.playout.add(piece)
    await listener.listen(0.1)
    heard = len(listener.heard)

    assert listener.playout.clear() == ["never"]
    listener.playout.add(b"\x02\x20" * 160)
    await listener.listen(0.1)

    assert 1 <= heard <= 7
    assert [pcm for _, pcm in listener.heard[heard:]] == [b"\x02\x20" * 160]
    assert listener.passed == []
