"""Others' audio on its way to the program: resampled, in pieces of the length it asked for, and silence in between."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import numpy
import soxr

from ._audio import AudioData

logger = logging.getLogger("daily")

# Without audio for so long, a participant whose microphone is on is heard being silent: a jitter buffer's work.
_SILENT_AFTER_SECONDS: Final = 0.1


class Renderer:
    """One participant's audio for one callback. Audio is pushed on the engine's thread, and rendered on its own."""

    def __init__(
        self, *, callback: Callable[[str, AudioData, str], object], participant_id: str, audio_source: str,
        sample_rate: int, interval_ms: int,
    ) -> None:  # fmt: skip
        self._callback = callback
        self._names = (participant_id, audio_source)
        self._rate = sample_rate
        self._piece = 2 * sample_rate * interval_ms // 1000
        self._interval = interval_ms / 1000
        self._resampler: tuple[int, soxr.ResampleStream] | None = None
        self._buffer = bytearray()
        self._waiting: list[tuple[bytes, int]] = []
        self._wake = threading.Condition()
        self._closed = False
        self.is_on = True
        threading.Thread(target=self._run, name=f"daily audio {participant_id[:8]}", daemon=True).start()

    def push(self, pcm: bytes, sample_rate: int) -> None:
        """Take a packet."""
        with self._wake:
            self._waiting.append((pcm, sample_rate))
            self._wake.notify()

    def close(self) -> None:
        """Render nothing more."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def _run(self) -> None:
        heard_at = time.monotonic()
        while True:
            with self._wake:
                if not self._waiting and not self._closed:
                    self._wake.wait(self._interval)
                packets, self._waiting = self._waiting, []
                if self._closed:
                    return
            for pcm, sample_rate in packets:
                self._buffer += self._resampled(pcm, sample_rate)
            now = time.monotonic()
            if packets or not self.is_on:
                heard_at = now
            while now - heard_at >= _SILENT_AFTER_SECONDS:
                self._buffer += bytes(self._piece)
                heard_at += self._interval
            self._render()

    def _render(self) -> None:
        while len(self._buffer) >= self._piece:
            piece = bytes(self._buffer[: self._piece])
            del self._buffer[: self._piece]
            participant_id, audio_source = self._names
            try:
                self._callback(participant_id, AudioData(piece, self._rate), audio_source)
            except Exception:
                logger.exception("an audio renderer raised")

    def _resampled(self, pcm: bytes, sample_rate: int) -> bytes:
        if sample_rate == self._rate:
            return pcm
        if self._resampler is None or self._resampler[0] != sample_rate:
            stream = soxr.ResampleStream(sample_rate, self._rate, 1, dtype="int16", quality="QQ")
            self._resampler = (sample_rate, stream)
        chunk: bytes = self._resampler[1].resample_chunk(numpy.frombuffer(pcm, dtype="<i2")).tobytes()
        return chunk
