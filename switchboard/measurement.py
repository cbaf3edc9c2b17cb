"""Turns the record of a session into the facts of its report."""

from collections.abc import Sequence

from switchboard.connect_api import StartedSession
from switchboard.conversation import Exchange
from switchboard.errors import printable
from switchboard.report import AgentInfo, AudioCount, CallFacts, EchoFacts, Turn
from switchboard.session import Session
from switchboard.speech import Speech
from switchboard.words import word_error_rate

WORD_ERROR_LIMIT = 0.25
"""One word in four; recognition of synthesised speech errs about half as often."""


def measure_call(
    session: Session, exchanges: Sequence[Exchange], *, started: StartedSession, speech: Speech
) -> CallFacts:
    """The facts of a dialogue that is over. Listens to the bot's recorded answers, which takes CPU time."""
    ready = next(session.messages("bot-ready"), None)
    microphone, loudspeaker = session.microphone, session.loudspeaker
    return CallFacts(
        session_id=started.session_id,
        start_seconds=started.seconds,
        connect_seconds=session.connected - session.connect_started,
        bot_ready_seconds=ready.at - session.connect_started if ready else None,
        agent=_agent_info(session),
        turns=[_turn(session, exchange, speech) for exchange in exchanges],
        sent=AudioCount(frames=microphone.frames, seconds=microphone.recording.seconds),
        received=AudioCount(frames=loudspeaker.frames, seconds=loudspeaker.seconds),
        paths=session.paths,
        interruptions=session.interruptions,
        ended_by=session.ending.by,
        close_code=session.ending.code,
        ending=str(session.ending),
    )


def measure_echo(session: Session, exchange: Exchange, *, session_id: str) -> EchoFacts:
    """Latency of the one exchange of an echo session."""
    return EchoFacts(
        session_id=session_id,
        latency_seconds=_latency(session, exchange),
        vad_wait_seconds=_turn_end(session, exchange),
    )


def _turn(session: Session, exchange: Exchange, speech: Speech) -> Turn:
    heard = _transcription(session, exchange)
    error_rate = word_error_rate(said=exchange.said, heard=heard)
    return Turn(
        said=exchange.said,
        heard_by_bot=heard,
        word_error_rate=error_rate,
        words_match=error_rate <= WORD_ERROR_LIMIT,
        answered=_bot_text(session, exchange),
        answer_heard=_listen(session, exchange, speech),
        latency_seconds=_latency(session, exchange),
        turn_end_seconds=_turn_end(session, exchange),
    )


def _transcription(session: Session, exchange: Exchange) -> str:
    finals = [
        str(item.message.data.get("text", ""))
        for item in session.messages("user-transcription", start=exchange.started, end=exchange.ended)
        if item.message.data.get("final")
    ]
    return printable(" ".join(finals))


def _bot_text(session: Session, exchange: Exchange) -> str:
    # bot-output repeats a segment's whole text as its words are spoken.
    segments = {
        item.message.data.get("segment_id"): str(item.message.data.get("text", ""))
        for item in session.messages("bot-output", start=exchange.started, end=exchange.ended)
    }
    return printable(" ".join(segments.values()))


def _listen(session: Session, exchange: Exchange, speech: Speech) -> str:
    stretches = session.loudspeaker.between(exchange.started, exchange.ended)
    texts = [speech.transcribe(bytes(stretch.pcm), sample_rate=stretch.sample_rate) for stretch in stretches]
    return printable(" ".join(texts))


def _latency(session: Session, exchange: Exchange) -> float | None:
    first_sound = session.loudspeaker.first_sound(after=exchange.started)
    return None if first_sound is None or first_sound >= exchange.ended else first_sound - exchange.spoken_until


def _turn_end(session: Session, exchange: Exchange) -> float | None:
    # The raw voice-activity message is off by default in Pipecat; without a turn analyzer the other one equals it.
    for message in ("vad-user-stopped-speaking", "user-stopped-speaking"):
        stops = [item.at for item in session.messages(message, start=exchange.started, end=exchange.ended)]
        if stops:
            return stops[-1] - exchange.spoken_until
    return None


def _agent_info(session: Session) -> AgentInfo:
    messages = (item.message.data for item in session.messages("server-message"))
    info = next((data for data in messages if data.get("type") == "agent-info"), {})
    return AgentInfo(
        startup_seconds=_number(info.get("startup_seconds")),
        vad_stop_seconds=_number(info.get("vad_stop_seconds")),
        pipeline=_text(info.get("pipeline")),
        pipecat=_text(info.get("pipecat")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _text(value: object) -> str | None:
    return printable(value) if isinstance(value, str) else None
