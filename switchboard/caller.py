"""Places calls through the connect API: each session is started, spoken in, ended, and measured."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from switchboard.audio import SAMPLE_RATE, trim, write_stereo_wav
from switchboard.connect_api import ConnectApi, StartedSession, Transport
from switchboard.conversation import Conversation, Patience, Sentence
from switchboard.errors import ExitCode, OperatorError
from switchboard.measurement import measure_call, measure_echo
from switchboard.open_session import open_session
from switchboard.report import CallReport, Turn
from switchboard.session import EndedBy, Session
from switchboard.speech import Speech

_ECHO_BODY = {"brain": "echo"}
# Without a pause, which would be taken for the end of speech.
_ECHO_SENTENCE = "How are you today?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Fills the report; failures within a session go there too, beside all that was measured before them."""

    api: ConnectApi
    transport: Transport
    patience: Patience
    report: CallReport
    speech: Speech
    progress: Callable[[str], None]

    async def hold_dialogue(self, sentences: Sequence[str], *, wav: Path) -> None:
        """Say the sentences to the bot, record the call, and compare the words."""
        spoken = [self._sentence(text) for text in sentences]
        self.progress("asking the connect API for a session")
        async with self._session() as (started, session):
            conversation = Conversation(session, patience=self.patience, progress=self.progress)
            await self._noting_failure(conversation, spoken)
        self.progress("listening to the recording")
        self._save(session, wav=wav)
        self.report.call = measure_call(session, conversation.exchanges, started=started, speech=self.speech)
        self._check_words(self.report.call.turns)

    async def measure_echo(self) -> None:
        """Time one sentence in a session whose bot plays back what it heard."""
        sentence = self._sentence(_ECHO_SENTENCE)
        self.progress("measuring the echo in a session of its own")
        async with self._session(body=_ECHO_BODY) as (started, session):
            conversation = Conversation(session, patience=replace(self.patience, hang_up=0.0), progress=self.progress)
            await self._noting_failure(conversation, [sentence])
        for exchange in conversation.exchanges:
            self.report.echo = measure_echo(session, exchange, session_id=started.session_id)

    @asynccontextmanager
    async def _session(
        self, *, body: Mapping[str, object] | None = None
    ) -> AsyncIterator[tuple[StartedSession, Session]]:
        started = await self.api.start(transport=self.transport, body=body)
        bot_hung_up = False
        try:
            async with open_session(started, timeout_seconds=self.patience.answer) as session:
                yield started, session
            bot_hung_up = session.ending.by is EndedBy.BOT
        finally:
            if not bot_hung_up:
                await self._stop(started.session_id)

    async def _stop(self, session_id: str) -> None:
        try:
            await self.api.stop(session_id)
        except OperatorError as error:
            self.report.side_failures.append(error)

    async def _noting_failure(self, conversation: Conversation, sentences: Sequence[Sentence]) -> None:
        try:
            await conversation.hold(sentences)
        except OperatorError as error:
            self.report.failures.append(error)

    def _save(self, session: Session, *, wav: Path) -> None:
        try:
            write_stereo_wav(wav, caller=session.microphone.recording, bot=session.loudspeaker.stretches)
        except OSError as error:
            problem = f"the recording cannot be saved as {wav}: {error.strerror}"
            next_steps = ["name another file with --wav"]
            self.report.side_failures.append(
                OperatorError(exit_code=ExitCode.USAGE, problem=problem, next_steps=next_steps)
            )
        else:
            self.report.wav = str(wav)

    def _sentence(self, text: str) -> Sentence:
        return Sentence(text=text, pcm=trim(self.speech.synthesize(text, sample_rate=SAMPLE_RATE)))

    def _check_words(self, turns: Sequence[Turn]) -> None:
        wrong = [str(number) for number, turn in enumerate(turns, start=1) if not turn.words_match]
        if wrong and not self.report.failures:
            self.report.failures.append(
                OperatorError(
                    exit_code=ExitCode.WORDS,
                    problem=f"the bot heard other words than were said in turn {', '.join(wrong)}",
                    causes=["speech recognition erred", "frames came late", "the pipeline sends no transcripts"],
                    next_steps=["listen to the recording", "try other sentences with --say"],
                )
            )
