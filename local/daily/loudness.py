"""Who speaks: the loudest of late, told by peaks, as nothing here may cost much for each packet."""

import time
from collections.abc import Callable
from typing import Final

PEAK: Final = 1_500
"""Of 32 768: louder than a quiet room, softer than speech."""
LOUD_PACKETS: Final = 5
PAUSE_SECONDS: Final = 0.3

_EVERY: Final = 8


class ActiveSpeaker:
    """Changes only when the one before has paused, and another one is loud for five packets: usually 100 ms."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._speaker: str | None = None
        self._heard_at = 0.0
        self._loud: dict[str, int] = {}

    def heard(self, member_id: str, pcm: bytes) -> bool:
        """Take in a packet, and tell whether it makes somebody else the active speaker."""
        if max(memoryview(pcm).cast("h")[::_EVERY]) < PEAK:
            self._loud[member_id] = 0
            return False
        now = self._clock()
        if self._speaker == member_id:
            self._heard_at = now
            return False
        self._loud[member_id] = self._loud.get(member_id, 0) + 1
        if self._loud[member_id] < LOUD_PACKETS or (self._speaker and now - self._heard_at < PAUSE_SECONDS):
            return False
        self._speaker, self._heard_at = member_id, now
        return True
