"""A limit of so many events within any one second, for every service of this cloud that has one."""

import time
from collections import deque
from collections.abc import Callable


class RateLimit:
    """At most `per_second` events within any one second: exact, where a token bucket lets through twice that."""

    def __init__(self, *, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._times: deque[float] = deque(maxlen=per_second)
        self._clock = clock

    @property
    def is_reached(self) -> bool:
        """Whether one more event now would be one too many."""
        return len(self._times) == self._times.maxlen and self._clock() - self._times[0] < 1

    def count(self) -> None:
        """Count an event that happens now."""
        self._times.append(self._clock())

    def admit(self) -> bool:
        """Count an event, unless it is one too many."""
        if self.is_reached:
            return False
        self.count()
        return True
