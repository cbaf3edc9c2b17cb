"""Sound on the caller's side: what is silence, a loudspeaker's timeline, and the recording. PCM16 mono throughout."""

import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hz of the caller's audio; the bot's frames say their own rate."""
FRAME_SECONDS = 0.02
FRAME_BYTES = int(SAMPLE_RATE * FRAME_SECONDS) * 2

_SILENCE_LEVEL = 164
"""Samples up to this (0.5 % of full scale, -46 dBFS) are silence: below any speech, above codec and dither noise."""
_JITTER_SECONDS = 0.1
"""How late a frame of a stream that never pauses may come and still be played without a gap."""
_PAUSE_SECONDS = 0.5
"""Silence up to this belongs to the speech around it."""

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAudio:
    """A frame of the bot's audio."""

    pcm: bytes
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / 2 / self.sample_rate


@dataclass(slots=True, kw_only=True)
class Stretch:
    """Audio that played without a gap, from `start` (monotonic seconds)."""

    start: float
    sample_rate: int
    pcm: bytearray = field(default_factory=bytearray)

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / 2 / self.sample_rate

    @property
    def end(self) -> float:
        """When it stopped playing, in monotonic seconds."""
        return self.start + self.seconds


class Loudspeaker:
    """Plays what arrives as a listener's device does: at once, in order, each frame after the one before it.

    Bots send faster than real time, so when a frame arrives and when it is heard are different moments.
    """

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.frames = 0
        self.seconds = 0.0
        """Seconds of audio received."""
        self.last_sound = -np.inf
        """When the last sample that is not silence is heard (monotonic, may lie ahead)."""
        self._playing = False

    def play(self, audio: BotAudio, *, now: float) -> None:
        """Queue a frame that arrived at `now` (monotonic seconds)."""
        self._count(audio)
        self._queue(audio, now=now)

    def play_live(self, audio: BotAudio, *, now: float) -> None:
        """Queue a frame of a stream that never pauses, as RTP is, and that arrived at `now` (monotonic seconds).

        A device catches up in silence: only pauses within speech are played, and sound begins when it arrives.
        """
        self._count(audio)
        played = now < self.last_sound + _PAUSE_SECONDS or bool(_audible(audio.pcm).any())
        if played:
            in_time = self._playing and 0 < now - self._end <= _JITTER_SECONDS
            self._queue(audio, now=self._end if in_time else now)
        self._playing = played

    def first_sound(self, *, after: float) -> float | None:
        """When the first sample that is not silence is heard at or after the moment `after`."""
        for stretch in self.stretches:
            skipped = max(0, round((after - stretch.start) * stretch.sample_rate))
            audible = np.flatnonzero(_audible(bytes(stretch.pcm[2 * skipped :])))
            if audible.size:
                return float(stretch.start + (skipped + audible[0]) / stretch.sample_rate)
        return None

    def between(self, start: float, end: float) -> list[Stretch]:
        """The stretches that began in this time."""
        return [stretch for stretch in self.stretches if start <= stretch.start < end]

    @property
    def _end(self) -> float:
        return self.stretches[-1].end if self.stretches else -np.inf

    def _count(self, audio: BotAudio) -> None:
        self.frames += 1
        self.seconds += audio.seconds

    def _queue(self, audio: BotAudio, *, now: float) -> None:
        end = self._end
        start = max(now, end)
        if start > end or self.stretches[-1].sample_rate != audio.sample_rate:
            self.stretches.append(Stretch(start=start, sample_rate=audio.sample_rate))
        self.stretches[-1].pcm += audio.pcm
        audible = np.flatnonzero(_audible(audio.pcm))
        if audible.size:
            self.last_sound = float(start + (audible[-1] + 1) / audio.sample_rate)


def trim(pcm: bytes) -> bytes:
    """The audio without silence at its ends: its last byte is then the end of speech."""
    audible = np.flatnonzero(_audible(pcm))
    return pcm[2 * audible[0] : 2 * (audible[-1] + 1)] if audible.size else b""


def write_stereo_wav(path: Path, *, caller: Stretch, bot: Sequence[Stretch]) -> None:
    """Save the call as it was heard: caller left, bot right, at the highest sample rate that occurs in it."""
    rate = max([SAMPLE_RATE, *(stretch.sample_rate for stretch in bot)])
    seconds = max([caller.end, *(stretch.end for stretch in bot)]) - caller.start
    channels = np.zeros((round(seconds * rate) + 1, 2), dtype=np.int16)
    for channel, stretches in enumerate(([caller], bot)):
        for stretch in stretches:
            samples = _at_rate(stretch, rate)
            position = max(0, round((stretch.start - caller.start) * rate))
            room = channels[position : position + len(samples), channel]
            room[:] = samples[: len(room)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(channels.tobytes())


def _audible(pcm: bytes) -> npt.NDArray[np.bool_]:
    # int32: the absolute value of -32768 does not fit in 16 bits.
    return np.abs(np.frombuffer(pcm, dtype=np.int16).astype(np.int32)) > _SILENCE_LEVEL


def _at_rate(stretch: Stretch, rate: int) -> Samples:
    samples = np.frombuffer(bytes(stretch.pcm), dtype=np.int16)
    if stretch.sample_rate == rate:
        return samples
    positions = np.arange(int(len(samples) * rate / stretch.sample_rate)) * (stretch.sample_rate / rate)
    resampled: Samples = np.interp(positions, np.arange(len(samples)), samples).astype(np.int16)
    return resampled
