"""How many requests an account may make, as Daily's documentation says it.

https://docs.daily.co/docs/rest-api/authentication gives each class two windows joined by "or"; here both hold at once,
so a burst that Daily might let through is refused.
"""

import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum


class RequestClass(StrEnum):
    """What a request counts as; `GET /rooms` and `DELETE /batch/rooms` are among most."""

    MOST = "most"
    DELETIONS = "deletions"
    STARTS = "starts"


# Requests in one second, then requests in the longer window of so many seconds.
_WINDOWS = {
    RequestClass.MOST: (20, 100, 5.0),
    RequestClass.DELETIONS: (2, 50, 30.0),
    RequestClass.STARTS: (1, 5, 5.0),
}


class Window:
    """At most so many events within any span of so many seconds."""

    def __init__(self, *, events: int, seconds: float, clock: Callable[[], float]) -> None:
        self._times: deque[float] = deque(maxlen=events)
        self._seconds = seconds
        self._clock = clock

    @property
    def is_full(self) -> bool:
        """Whether one more event now would be one too many."""
        return len(self._times) == self._times.maxlen and self._clock() - self._times[0] < self._seconds

    def count(self) -> None:
        """Count an event that happens now."""
        self._times.append(self._clock())


class RequestLimits:
    """The windows of one account. A refused request counts for nothing."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows = {name: self._documented(name) for name in RequestClass}

    def set(self, name: RequestClass, *, per_second: int) -> None:
        """Give a class another limit a second, and no longer window."""
        self._windows[name] = (Window(events=per_second, seconds=1.0, clock=self._clock),)

    def admit(self, name: RequestClass) -> bool:
        """Count a request, unless it is one too many."""
        windows = self._windows[name]
        if any(window.is_full for window in windows):
            return False
        for window in windows:
            window.count()
        return True

    def _documented(self, name: RequestClass) -> tuple[Window, ...]:
        per_second, events, seconds = _WINDOWS[name]
        return (
            Window(events=per_second, seconds=1.0, clock=self._clock),
            Window(events=events, seconds=seconds, clock=self._clock),
        )
