"""The caller's microphone: it never pauses, because voice activity detection waits for real silence."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from switchboard.audio import FRAME_BYTES, FRAME_SECONDS, SAMPLE_RATE, Stretch


class Microphone:
    """Sends 20 ms frames paced by the clock: speech while there is some, digital silence otherwise.

    Mono PCM16 at SAMPLE_RATE. `spoken_until` is where speech last ended on the recording's timeline (monotonic).
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._unsaid = bytearray()
        self.recording = Stretch(start=monotonic(), sample_rate=SAMPLE_RATE)
        self.frames = 0
        self.spoken_until = self.recording.start

    @property
    def speaking(self) -> bool:
        """Whether there is speech that has not left yet."""
        return bool(self._unsaid)

    def say(self, pcm: bytes) -> None:
        """Speak from the next frame on."""
        self._unsaid += pcm

    async def run(self) -> None:
        """Send until cancelled. A late frame is followed at once by the ones that are due: none is left out."""
        self.recording.start = monotonic()
        while True:
            # A frame leaves when its 20 ms have been recorded.
            due = self.recording.start + (self.frames + 1) * FRAME_SECONDS
            await asyncio.sleep(due - monotonic())
            await self._send_frame()

    async def _send_frame(self) -> None:
        spoken = bytes(self._unsaid[:FRAME_BYTES])
        frame = spoken.ljust(FRAME_BYTES, b"\0")
        await self._send(frame)
        self.frames += 1
        if spoken:
            self.spoken_until = self.recording.end + len(spoken) / 2 / SAMPLE_RATE
            del self._unsaid[:FRAME_BYTES]
        self.recording.pcm += frame
