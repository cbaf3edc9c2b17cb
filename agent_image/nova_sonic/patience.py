"""How often a broken stream is followed by another one, before the call is given up."""

import time
from collections import deque
from dataclasses import dataclass, field

from pipecat.utils.errors import ErrorCategory

from nova_sonic.bedrock import category_of

# A first failure is answered at once, the next ones after these delays; then, or after so much silence, it is enough.
_DELAYS = (0.0, 0.5, 1.5)
_SILENCE_SECONDS = 8.0
# So many failures within so much time are too many, though each stream served for a moment.
_MOST_FAILURES, _WITHIN_SECONDS = 6, 60.0


@dataclass(kw_only=True)
class Patience:
    """Counts the failures of one call."""

    _attempts: int = 0
    _outage_began: float = 0.0
    _failures: deque[float] = field(default_factory=deque)

    def served(self) -> None:
        """A stream has done what it is for."""
        self._attempts = 0

    def delay(self, error: BaseException) -> float | None:
        """How many seconds to wait, after this failure, before the next attempt; None for no more of them."""
        now = time.monotonic()
        self._outage_began = self._outage_began if self._attempts else now
        self._attempts += 1
        self._failures.append(now)
        while self._failures[0] < now - _WITHIN_SECONDS:
            self._failures.popleft()
        too_often = self._attempts > len(_DELAYS) or len(self._failures) > _MOST_FAILURES
        too_long = now - self._outage_began > _SILENCE_SECONDS
        if too_often or too_long or category_of(error) is ErrorCategory.AUTHORIZATION:
            return None
        return _DELAYS[self._attempts - 1]
