"""Audio in and out of a program: sources that play in real time, and what a renderer gets."""

import asyncio
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Final, Protocol

from ._threads import completions, engine

BITS: Final = 16
PACKET_SECONDS: Final = 0.02
# Further behind than this, a source goes on from now instead of hurrying after the clock.
_LATE_SECONDS: Final = 0.2

_sources: "weakref.WeakValueDictionary[str, CustomAudioSource]" = weakref.WeakValueDictionary()


class Sink(Protocol):
    """Takes a source's audio: mono, 16 bits."""

    def send_audio(self, pcm: bytes, sample_rate: int) -> None:
        """Send one packet; called on the engine's loop."""


class AudioData:
    """What a renderer gets: https://reference-python.daily.co/api_reference.html#daily.AudioData."""

    def __init__(self, audio_frames: bytes, sample_rate: int) -> None:
        self._frames = audio_frames
        self._rate = sample_rate

    @property
    def audio_frames(self) -> bytes:
        """16-bit samples."""
        return self._frames

    @property
    def bits_per_sample(self) -> int:
        """Always 16."""
        return BITS

    @property
    def num_audio_frames(self) -> int:
        """How many samples."""
        return len(self._frames) // 2

    @property
    def num_channels(self) -> int:
        """Always 1."""
        return 1

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self._rate


class CustomAudioSource:
    """Audio that a program writes; it is played at the speed of speech, and each write completes when it was played."""

    def __init__(self, sample_rate: int, channels: int, auto_silence: bool = True) -> None:
        self._rate = sample_rate
        self._channels = channels
        self._sinks: set[Sink] = set()
        self._writes: asyncio.Queue[tuple[bytes, Callable[[int], object]]] = asyncio.Queue()
        self._player: asyncio.Task[None] | None = None
        self._next_at = 0.0

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self._rate

    @property
    def channels(self) -> int:
        """1 for mono, 2 for stereo."""
        return self._channels

    def write_frames(self, frames: bytes, completion: Callable[[int], object] | None = None) -> int:
        """Write 16-bit samples; without a completion this returns when they have been played."""
        if len(frames) % 2:
            raise ValueError("frames bytestring should contain 16-bit samples")
        count = len(frames) // (2 * self._channels)
        played = threading.Event()

        def done(written: int) -> None:
            played.set()
            completions().call(completion, written)

        engine().call_soon_threadsafe(self._enqueue, bytes(frames), done)
        if completion is None:
            played.wait()
        return count

    def connect(self, sink: Sink) -> None:
        """Send what is written from now on; on the engine's loop."""
        self._sinks.add(sink)

    def disconnect(self, sink: Sink) -> None:
        """Send nothing more; on the engine's loop."""
        self._sinks.discard(sink)

    def _enqueue(self, frames: bytes, done: Callable[[int], object]) -> None:
        self._writes.put_nowait((frames, done))
        if self._player is None or self._player.done():
            self._player = engine().create_task(self._play())

    async def _play(self) -> None:
        while not self._writes.empty():
            frames, done = self._writes.get_nowait()
            size = 2 * self._channels * int(self._rate * PACKET_SECONDS)
            for start in range(0, len(frames), size):
                await self._play_packet(frames[start : start + size])
            done(len(frames) // (2 * self._channels))

    async def _play_packet(self, packet: bytes) -> None:
        now = engine().time()
        if self._next_at < now - _LATE_SECONDS:
            self._next_at = now
        for sink in tuple(self._sinks):
            sink.send_audio(_mono(packet, self._channels), self._rate)
        self._next_at += len(packet) / (2 * self._channels * self._rate)
        await asyncio.sleep(self._next_at - engine().time())


class CustomAudioTrack:
    """A track of a source; its id stands in a client's settings."""

    def __init__(self, audio_source: CustomAudioSource) -> None:
        self._source = audio_source
        self._id = str(uuid.uuid4())
        _sources[self._id] = audio_source

    @property
    def id(self) -> str:
        """The track's id."""
        return self._id


class NativeVad:
    """Voice activity by loudness alone; made by `Daily.create_native_vad`. The native one knows speech from noise."""

    _LOUD: Final = 1_000

    def __init__(self, reset_period_ms: int, sample_rate: int, channels: int) -> None:
        self._reset_period_ms = reset_period_ms
        self._rate = sample_rate
        self._channels = channels

    @property
    def reset_period_ms(self) -> int:
        """Milliseconds after which the native one forgets."""
        return self._reset_period_ms

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self._rate

    @property
    def channels(self) -> int:
        """1 for mono, 2 for stereo."""
        return self._channels

    def analyze_frames(self, frames: bytes) -> float:
        """Return 1 for 10 ms that are loud, else 0."""
        size = 2 * self._channels * self._rate // 100
        samples = memoryview(frames[:size]).cast("h")
        return float(len(samples) > 0 and max(samples) >= self._LOUD)


def source_of_track(track_id: str) -> CustomAudioSource | None:
    """Return the source of a track, while the program holds it."""
    return _sources.get(track_id)


def _mono(pcm: bytes, channels: int) -> bytes:
    """Return one channel: the stand-in carries no stereo."""
    return pcm if channels == 1 else memoryview(pcm).cast("h")[::channels].tobytes()
