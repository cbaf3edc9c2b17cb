"""Keeps what the caller says until the model has heard it, so that another stream can hear it again."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

# How much before the moment at which voice activity was noticed is kept, and how much speech at most.
_BEFORE_SECONDS = 1.0
_MOST_SECONDS = 30.0


@dataclass(kw_only=True)
class CallerAudio:
    """The audio events of a stream, as they were sent, from the begin of what the model hasn't yet put into words."""

    _events: deque[tuple[float, str]] = field(default_factory=deque)
    _position: float = 0.0
    _speaking: bool = False
    _speech_start: float = 0.0
    _unheard_from: float | None = None

    @property
    def unheard(self) -> bool:
        """Whether the caller has said something that the model hasn't put into words."""
        return self._unheard_from is not None

    def add(self, event: str, *, seconds: float) -> None:
        """Keep one event of so much audio."""
        self._events.append((self._position, event))
        self._position += seconds
        self._trim()

    def speech_started(self) -> None:
        """Voice activity begins."""
        self._speaking = True
        self._speech_start = self._position - _BEFORE_SECONDS
        if self._unheard_from is None:
            self._unheard_from = self._speech_start

    def speech_stopped(self) -> None:
        """Voice activity ends; the model has yet to put it into words."""
        self._speaking = False

    def heard(self) -> None:
        """The model has put into words what was said, but for what is being said."""
        self._unheard_from = self._speech_start if self._speaking else None
        self._trim()

    def replay(self) -> Iterator[str]:
        """The events that another stream must hear."""
        return (event for _, event in [*self._events])

    def _trim(self) -> None:
        first = self._position - _BEFORE_SECONDS if self._unheard_from is None else self._unheard_from
        first = max(first, self._position - _MOST_SECONDS)
        while self._events and self._events[0][0] < first:
            self._events.popleft()
