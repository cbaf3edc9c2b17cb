"""What a caller hears and an operator sees when a service fails: a real pipeline with services that fail on demand."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from pipecat.frames.frames import (
    CancelFrame,
    ClientConnectedFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.utils.errors import ErrorCategory
from pipecat.workers.runner import WorkerRunner

import failures
from failures import end_on_failure, kind_of
from recordings import recorded_speech
from tests.agent_image.agent_process import until

RATE = 16_000


def client_error(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "marzipan"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ConverseStream")


class Hearing(STTService):
    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield None


class Model(LLMService):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Output(FrameProcessor):
    """Stands where the transport's output does: audio takes its time, and interruptions drop what waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            await asyncio.sleep(0.2)
        self.frames.append(frame)
        await self.push_frame(frame, direction)


@dataclass
class Line:
    """A caller's connection, as far as its end goes."""

    caller: str = ""
    on_session_end: Callable[[], Awaitable[None]] | None = None
    ends: list[tuple[int, str]] = field(default_factory=list)

    def end_with(self, *, code: int, reason: str) -> None:
        self.ends.append((code, reason))

    @property
    def end(self) -> str:
        return ""

    async def close(self) -> None:
        pass


@dataclass
class Call:
    """A pipeline that runs. `metrics` are those recorded: name and dimensions."""

    worker: PipelineWorker
    stt: Hearing
    llm: Model
    output: Output
    connection: Line
    metrics: list[tuple[str, dict[str, str]]]
    running: asyncio.Task[None]

    async def ended(self) -> list[TTSAudioRawFrame]:
        """Wait for the end; the audio that was played."""
        async with asyncio.timeout(30):
            await self.running
        return [frame for frame in self.output.frames if isinstance(frame, TTSAudioRawFrame)]


@pytest.fixture
async def call(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Call]:
    metrics: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        failures, "record", lambda name, _value, *, unit, **dimensions: metrics.append((name, dimensions))
    )
    stt, llm, output, connection = Hearing(), Model(), Output(), Line()
    worker = PipelineWorker(
        Pipeline([stt, llm, output]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        enable_rtvi=False,
    )
    end_on_failure(worker, connection=connection)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    call = Call(worker, stt, llm, output, connection, metrics, running)

    async def started() -> bool:
        return any(isinstance(frame, StartFrame) for frame in output.frames)

    await until(started)
    await worker.queue_frame(ClientConnectedFrame())
    yield call
    await worker.cancel()
    await running


def apology() -> bytes:
    (audio,) = [frame for frame in recorded_speech("apology", sample_rate=RATE) if isinstance(frame, TTSAudioRawFrame)]
    return audio.audio


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("ThrottlingException", 429), "throttled"),
        (client_error("AccessDeniedException", 403), "refused"),
        (client_error("ExpiredTokenException", 403), "expired"),
        (NoCredentialsError(), "expired"),
        (ConnectionResetError(), "broken"),
    ],
)
async def test_a_model_that_fails_ends_the_call_with_one_apology(
    call: Call, error: Exception, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="switchboard.agent"):
        await call.llm.push_error(f"marzipan {error}", exception=error)
        await call.llm.push_error(f"marzipan {error}", exception=error)
        played = await call.ended()

    assert [frame.audio for frame in played] == [apology()]
    assert isinstance(call.output.frames[-1], EndFrame)
    assert call.metrics == [("ModelFailures", {"kind": kind, "service": "llm"})]
    ((code, reason),) = call.connection.ends
    assert code == 1011
    assert 10 < len(reason.encode()) < 123
    (line,) = [record.getMessage() for record in caplog.records if record.name == "switchboard.agent"]
    assert f"its llm is {kind}" in line
    assert "marzipan" not in line + reason


async def test_what_the_bot_was_about_to_say_gives_way_and_the_caller_cant_cut_the_apology_short(call: Call) -> None:
    await call.worker.queue_frames([TTSAudioRawFrame(b"\1\0" * 100, RATE, 1) for _ in range(50)])
    await call.llm.push_error("broken", exception=ConnectionResetError())

    async def apologizing() -> bool:
        return any(isinstance(frame, InterruptionFrame) for frame in call.output.frames)

    await until(apologizing)
    await call.worker.queue_frame(InterruptionFrame())
    await call.stt.broadcast_interruption()  # type: ignore[no-untyped-call]
    played = await call.ended()

    assert len(played) < 10
    assert played[-1].audio == apology()


async def test_speech_to_text_may_lose_its_connection_once(call: Call) -> None:
    await call.stt.push_error("lost", exception=ConnectionResetError())
    await asyncio.sleep(0.1)
    once = list(call.metrics)
    await call.stt.push_error("lost", exception=ConnectionResetError())
    await call.ended()

    assert once == []
    assert call.metrics == [("ModelFailures", {"kind": "broken", "service": "stt"})]


async def test_neither_a_tool_nor_a_warning_nor_what_comes_after_the_end_is_a_failure_of_the_model(call: Call) -> None:
    await call.llm.push_error("the tool failed", exception=ValueError(), category=ErrorCategory.APPLICATION)
    await call.output.push_error("a transport's trouble", exception=ConnectionResetError())
    await call.worker.queue_frame(EndFrame())

    async def ending() -> bool:
        return any(isinstance(frame, EndFrame) for frame in call.output.frames)

    await until(ending)
    await call.llm.push_error("closing", exception=ConnectionResetError())
    played = await call.ended()

    assert (played, call.metrics, call.connection.ends) == ([], [], [])


async def test_a_service_that_hangs_cant_keep_the_call(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_END_SECONDS", 0.3)
    never = asyncio.Event()

    async def hang(frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        if isinstance(frame, EndFrame):
            await never.wait()
        await FrameProcessor.push_frame(call.llm, frame, direction)

    monkeypatch.setattr(call.llm, "push_frame", hang)
    await call.llm.push_error("broken", exception=ConnectionResetError())
    await call.ended()

    assert isinstance(call.output.frames[-1], CancelFrame)


async def test_the_apology_waits_for_a_caller_who_isnt_connected_yet() -> None:
    stt, llm, output, connection = Hearing(), Model(), Output(), Line()
    worker = PipelineWorker(Pipeline([stt, llm, output]), enable_rtvi=False)
    end_on_failure(worker, connection=connection)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())

    async def failed() -> bool:
        return bool(connection.ends)

    async def started() -> bool:
        return any(isinstance(frame, StartFrame) for frame in output.frames)

    await until(started)
    await llm.push_error("no keys", exception=NoCredentialsError())
    await until(failed)
    await asyncio.sleep(0.1)
    early = [frame for frame in output.frames if isinstance(frame, InterruptionFrame | TTSAudioRawFrame)]
    await worker.queue_frames([ClientConnectedFrame(), TTSSpeakFrame("Welcome.")])
    async with asyncio.timeout(30):
        await running

    assert early == []
    assert any(isinstance(frame, TTSAudioRawFrame) for frame in output.frames)
    assert isinstance(output.frames[-1], EndFrame)


def test_the_kind_is_read_from_the_cause_of_an_exception_too() -> None:
    wrapped = RuntimeError("gave up")
    wrapped.__cause__ = client_error("throttlingException")

    assert kind_of(ErrorFrame("", exception=wrapped)) == "throttled"
    assert kind_of(ErrorFrame("", category=ErrorCategory.QUOTA)) == "throttled"
    assert kind_of(ErrorFrame("", category=ErrorCategory.AUTHENTICATION)) == "expired"
    assert kind_of(ErrorFrame("")) == "broken"
