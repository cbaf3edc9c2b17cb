"""What /ping answers, so that AgentCore keeps a session with a call alive and ends one without.

https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-http-protocol-contract.html says that the time of
the last update changes with the status only. Field reports disagree on whether a busy agent is kept without a recent
time, so: while a call runs, the time is now; with no call it stands still, or an idle session would live forever.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# NTP adjusts a clock by less at a time; a restored snapshot's clock jumps by its age.
_CLOCK_STEP_SECONDS = 1.0


class Status:
    """Counts the calls of this process. `now` is Unix time and `monotonic` a clock that never jumps, in seconds."""

    def __init__(
        self, *, now: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._offset = now() - monotonic()
        self._changed_at = now()
        self.calls = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Busy as long as the block runs."""
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            self._changed_at = self._now()

    def ping(self) -> dict[str, str | int]:
        """The answer: `status`, and `time_of_last_update` in Unix seconds."""
        if self.calls:
            return {"status": "HealthyBusy", "time_of_last_update": int(self._now())}
        self._follow_the_clock()
        return {"status": "Healthy", "time_of_last_update": int(self._changed_at)}

    def _follow_the_clock(self) -> None:
        """Move the last change to today's clock after a restore: an old time would read as a session long idle."""
        step = self._now() - self._monotonic() - self._offset
        if abs(step) >= _CLOCK_STEP_SECONDS:
            self._offset += step
            self._changed_at += step
