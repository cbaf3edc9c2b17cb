"""Who of several people in a room is heard: one at a time, as a pipeline has one ear."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# A voice is this much louder than its own room, and than a microphone's hiss (of 32,767).
_TIMES_NOISE, _LEAST_LEVEL = 3.0, 200.0
# The noise of a room is what is left when nobody speaks: an estimate that falls fast, and rises slowly.
_FALL, _RISE = 0.2, 0.002
# A pause this long hands the floor on: longer than one between words, shorter than one that ends a turn.
_PAUSE_SECONDS = 0.6
# Audio comes every 20 ms; somebody from whom none came for so long is muted, or gone.
_LOST_SECONDS = 0.25
# A voice is noticed after its first sounds: so many of its last frames come along.
_FRAMES_BEFORE = 5


@dataclass(kw_only=True)
class _Voice:
    noise: float = _LEAST_LEVEL / _TIMES_NOISE
    earlier: deque[bytes] = field(default_factory=lambda: deque(maxlen=_FRAMES_BEFORE))

    def is_heard_in(self, pcm: bytes) -> bool:
        """Whether somebody speaks in this audio; what it is measured against follows it."""
        level = float(np.sqrt(np.mean(np.square(np.frombuffer(pcm, np.int16), dtype=np.float64)))) if pcm else 0.0
        speaks = level > max(_LEAST_LEVEL, _TIMES_NOISE * self.noise)
        self.noise += (level - self.noise) * (_RISE if level > self.noise else _FALL)
        return speaks


class Floor:
    """Gives the floor to who speaks first, until they pause. Who is alone in the room always has it.

    Voices that were mixed could not be told apart, and frames of several people one after the other are no voice at
    all. `now` is a clock in seconds.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._voices: dict[str, _Voice] = {}
        self._holder = ""
        self._held_at = self._spoke_at = 0.0

    def take(self, who: str, pcm: bytes) -> list[bytes]:
        """What is to be heard (PCM16 mono) now that this came from somebody; nothing of who hasn't the floor."""
        voice = self._voices.setdefault(who, _Voice())
        speaks, now = voice.is_heard_in(pcm), self._now()
        if who != self._holder and not self._is_free(now, speaks=speaks):
            voice.earlier.append(pcm)
            return []
        heard = [*voice.earlier, pcm]
        voice.earlier.clear()
        self._holder, self._held_at = who, now
        if speaks:
            self._spoke_at = now
        return heard

    def leave(self, who: str) -> None:
        """Somebody has left the room."""
        self._voices.pop(who, None)
        if self._holder == who:
            self._holder = ""

    def _is_free(self, now: float, *, speaks: bool) -> bool:
        """For somebody who speaks after a pause of the holder's; for anybody, when nothing comes from the holder."""
        if not self._holder or now - self._held_at > _LOST_SECONDS:
            return True
        return speaks and now - self._spoke_at > _PAUSE_SECONDS
