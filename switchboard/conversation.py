"""Speaks the sentences one by one, as a polite caller does: never into the bot's answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from switchboard.errors import ExitCode, OperatorError
from switchboard.session import EndedBy, Session, connection_failure

FOREVER = float("inf")
STARTED, STOPPED = "bot-started-speaking", "bot-stopped-speaking"
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the caller waits, in seconds."""

    answer: float = 30.0
    """For the connection, for the bot to be ready, for an answer to begin, and for it to end."""
    greeting: float = 1.0
    """For a greeting, before the first sentence."""
    pause: float = 0.4
    """Of silence after bot-stopped-speaking until it is the caller's turn."""
    silence: float = 1.5
    """That end an answer of a bot which does not say when it stops."""
    hang_up: float = 3.0
    """After the last answer, for the bot to hang up first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What the caller says: the words, and mono PCM16 without silence at its ends."""

    text: str
    pcm: bytes


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One sentence and what followed until the next. Times are monotonic seconds."""

    said: str
    started: float
    spoken_until: float = FOREVER
    ended: float = FOREVER


class Conversation:
    """The dialogue of one session; `exchanges` holds what took place, also when it breaks off."""

    def __init__(self, session: Session, *, patience: Patience, progress: Callable[[str], None]) -> None:
        self._session = session
        self._patience = patience
        self._progress = progress
        self.exchanges: list[Exchange] = []

    async def hold(self, sentences: Sequence[Sentence]) -> None:
        """Wait for the bot, say each sentence, hear each answer, and let the bot hang up first.

        Raises OperatorError: SILENCE or CONNECTING.
        """
        await self._bot_ready()
        await self._greeting()
        for number, sentence in enumerate(sentences, start=1):
            if self._session.over:
                raise self._ended_early(f"sentence {number}")
            self._progress(f"saying sentence {number} of {len(sentences)}")
            await self._exchange(sentence)
        await self._session.until(lambda: self._session.over, timeout_seconds=self._patience.hang_up)
        if self._session.ending.by is EndedBy.DROPPED:
            raise self._ended_early("the dialogue's end")

    async def _bot_ready(self) -> None:
        if not await self._session.until(
            lambda: any(self._session.messages("bot-ready")), timeout_seconds=self._patience.answer
        ):
            raise self._no_answer("bot-ready", "the bot was not ready")

    async def _greeting(self) -> None:
        since = self._session.connected
        if await self._session.until(lambda: self._heard(since), timeout_seconds=self._patience.greeting):
            await self._answer_over(since=since)

    async def _exchange(self, sentence: Sentence, *, tries: int = _TRIES) -> None:
        """Say a sentence and hear the answer. What was said into a path that got lost is said again."""
        exchange = self._begin(sentence)
        microphone, connections = self._session.microphone, self._session.connections
        await self._session.until(lambda: not microphone.speaking, timeout_seconds=FOREVER)
        exchange.spoken_until = microphone.spoken_until
        await self._session.until(
            lambda: self._heard(exchange.started) or self._session.connections > connections,
            timeout_seconds=self._patience.answer,
        )
        if self._heard(exchange.started):
            await self._answer_over(since=exchange.started)
        elif self._session.connections > connections and tries > 1:
            self.exchanges.pop()
            await self._exchange(sentence, tries=tries - 1)
        else:
            number = len(self.exchanges)
            raise self._no_answer(f"an answer to sentence {number}", f"the bot did not answer sentence {number}")

    def _heard(self, since: float) -> bool:
        return self._session.loudspeaker.first_sound(after=since) is not None

    def _begin(self, sentence: Sentence) -> Exchange:
        now = monotonic()
        if self.exchanges:
            self.exchanges[-1].ended = min(self.exchanges[-1].ended, now)
        self.exchanges.append(Exchange(said=sentence.text, started=now))
        self._session.microphone.say(sentence.pcm)
        return self.exchanges[-1]

    async def _answer_over(self, *, since: float) -> None:
        """Wait for the bot's silence; a bot that will not stop is spoken over when patience ends."""

        def over() -> bool:
            spoke = [item.message.type for item in self._session.messages(STARTED, STOPPED, start=since)]
            gap = self._patience.pause if spoke[-1:] == [STOPPED] else self._patience.silence
            return monotonic() >= self._session.loudspeaker.last_sound + gap

        await self._session.until(over, timeout_seconds=self._patience.answer)

    def _no_answer(self, awaited: str, problem: str) -> OperatorError:
        if self._session.over:
            return self._ended_early(awaited)
        reported = [str(item.message.data.get("error", "no words")) for item in self._session.messages("error")]
        return OperatorError(
            exit_code=ExitCode.SILENCE,
            problem=f"{problem} within {self._patience.answer:g} s",
            causes=[f"the agent reported: {error}" for error in reported]
            or ["the bot's pipeline is stuck, or it did not notice that somebody spoke"],
            next_steps=["read the runtime's log group for this time", "allow more time with --timeout-seconds"],
        )

    def _ended_early(self, awaited: str) -> OperatorError:
        return connection_failure(
            f"the call ended before {awaited}: {self._session.ending}",
            "the agent's process ended, or a limit was reached",
        )
