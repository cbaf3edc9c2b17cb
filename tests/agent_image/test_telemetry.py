"""Metrics that can't be sent, spans without content, and what must not exist before the first session."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Status, StatusCode
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.processors.frame_processor import FrameDirection

from telemetry.call import CallMetrics
from telemetry.cloudwatch import metric_data
from telemetry.metrics import Batch, Metric, Metrics
from telemetry.span_content import SpanContentFilter

IMAGE = Path(__file__).parents[2] / "agent_image"
TURNS = Metric(name="Turns", unit="Count", dimensions=(("pipeline", "offline"),))


class Network:
    """Takes batches, or fails."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.batches: list[Batch] = []

    async def send(self, batch: Batch) -> None:
        if self.error:
            raise self.error
        self.batches.append(batch)


async def test_values_that_cant_be_sent_are_kept_and_the_failures_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = Network()
    metrics = Metrics(send=network.send)
    network.error = ConnectionError("https://monitoring.example/?secret")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            metrics.add(TURNS, 1)
            await metrics.flush()
        network.error = None
        await metrics.flush()
        await metrics.flush()

    first, second = network.batches
    assert first == {TURNS: {1: 3}}
    assert second == {Metric(name="MetricsFailures", unit="Count", dimensions=()): {3: 1}}
    assert [record.getMessage() for record in caplog.records] == [
        "metrics can't be sent, and are tried again every minute: ConnectionError"
    ]


async def test_memory_is_bounded_and_what_is_dropped_is_counted() -> None:
    network = Network()
    metrics = Metrics(send=network.send)
    for value in range(1000):
        metrics.add(TURNS, value)
        metrics.add(Metric(name=f"M{value}", unit="Count", dimensions=()), 1)
    await metrics.flush()
    await metrics.flush()

    first, second = network.batches
    assert (len(first), len(first[TURNS])) == (300, 150)
    assert second[Metric(name="MetricsDropped", unit="Count", dimensions=())] == {1000 - 150 + 1000 - 299: 1}


async def test_a_network_that_hangs_holds_up_nothing_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.metrics._SEND_SECONDS", 0.05)

    async def hang(_: Batch) -> None:
        await asyncio.Event().wait()

    metrics = Metrics(send=hang)
    metrics.add(TURNS, 1)
    async with asyncio.timeout(5):
        await metrics.stop()


def test_a_metric_is_sent_with_its_dimensions_and_how_often_each_value_came() -> None:
    assert metric_data({TURNS: {1: 3, 2: 1}}) == [
        {
            "MetricName": "Turns",
            "Unit": "Count",
            "Dimensions": [{"Name": "pipeline", "Value": "offline"}],
            "Values": [1, 2],
            "Counts": [3, 1],
        }
    ]


async def test_an_interruption_is_counted_only_while_the_bot_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float]] = []
    monkeypatch.setattr("telemetry.call.record", lambda name, value, **_: seen.append((name, value)))
    observer, processor = CallMetrics(), IdentityFilter()  # type: ignore[no-untyped-call]
    second = TranscriptionFrame("not twice", "", "")
    second.broadcast_sibling_id = 1
    frames: Sequence[tuple[Frame, FrameDirection]] = [
        (InterruptionFrame(), FrameDirection.DOWNSTREAM),
        (UserStoppedSpeakingFrame(), FrameDirection.DOWNSTREAM),
        (TranscriptionFrame("two words", "", ""), FrameDirection.UPSTREAM),
        (second, FrameDirection.UPSTREAM),
        (BotStartedSpeakingFrame(), FrameDirection.DOWNSTREAM),
        (InterruptionFrame(), FrameDirection.DOWNSTREAM),
        (BotStoppedSpeakingFrame(), FrameDirection.DOWNSTREAM),
        (InterruptionFrame(), FrameDirection.DOWNSTREAM),
    ]
    for frame, direction in frames:
        await observer.on_push_frame(FramePushed(processor, processor, frame, direction, 0))

    assert seen == [("Turns", 1), ("WordsHeard", 2), ("Interruptions", 1)]


class Kept(SpanProcessor):
    """Keeps what an exporter would get."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def test_only_what_is_known_to_be_harmless_stays_on_a_span() -> None:
    kept, provider = Kept(), TracerProvider()
    provider.add_span_processor(SpanContentFilter(kept))
    content = {"input": "marzipan", "output": "marzipan", "transcript": "marzipan", "text": "marzipan"}
    content |= {
        "gen_ai.system_instructions": "marzipan",
        "settings.system_instruction": "marzipan",
        "tools": "marzipan",
    }
    span = provider.get_tracer("pipecat").start_span("llm", attributes={**content, "gen_ai.usage.input_tokens": 3})
    span.set_attribute("metrics.ttfb", 0.2)
    span.record_exception(ValueError("marzipan"))
    span.set_status(Status(StatusCode.ERROR, "marzipan"))
    span.end()

    (exported,) = kept.spans
    assert "marzipan" not in exported.to_json()
    assert exported.attributes == {"gen_ai.usage.input_tokens": 3, "metrics.ttfb": 0.2}
    assert (exported.name, exported.status.status_code) == ("llm", StatusCode.ERROR)
    assert exported.events[0].attributes == {"exception.type": "ValueError"}


# What the loading thread does, with what it leaves behind.
SNAPSHOT = """
import json, os, random, threading
from settings import current_settings
from telemetry import start_telemetry

start_telemetry(settings=current_settings())
from opentelemetry import trace
from snapshot import renew_randomness

def ids():
    context = trace.get_tracer("test").start_span("call").get_span_context()
    return [f"{context.trace_id:032x}"[8:], f"{context.span_id:016x}"]

state = random.getstate()
unchanged = [ids(), random.setstate(state), ids()]
restored = []
for _ in range(2):
    random.setstate(state)
    renew_randomness()
    restored.append(ids())
files = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
names = [os.readlink(file) for file in files if os.path.lexists(file)]
print(json.dumps({
    "same": unchanged[0] == unchanged[2],
    "restored": restored,
    "sockets": [name for name in names if name.startswith("socket:")],
    "resource": dict(trace.get_tracer_provider().resource.attributes),
    "pipecat": "pipecat" in __import__("sys").modules,
}), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def snapshot() -> dict[str, Any]:
    """What a process has that has set up its telemetry."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(IMAGE),
        "SWITCHBOARD_PIPELINE": "offline",
        "SWITCHBOARD_TRACING": "on",
        "AWS_REGION": "us-east-1",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=ours,cloud.resource_id=arn:aws:bedrock-agentcore:us-east-1:1:x",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SNAPSHOT], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_sessions_restored_from_one_snapshot_have_ids_of_their_own(snapshot: dict[str, Any]) -> None:
    first, second = snapshot["restored"]

    assert snapshot["same"] is True
    assert first != second
    assert first[1] != second[1]


def test_nothing_is_connected_and_no_random_id_is_fixed_by_the_set_up(snapshot: dict[str, Any]) -> None:
    assert snapshot["sockets"] == []
    assert snapshot["resource"]["service.instance.id"] == "agent"
    assert snapshot["pipecat"] is False


def test_what_agentcore_says_of_the_runtime_stays_in_the_resource(snapshot: dict[str, Any]) -> None:
    assert snapshot["resource"]["service.name"] == "ours"
    assert snapshot["resource"]["cloud.resource_id"].startswith("arn:aws:bedrock-agentcore:")
    assert snapshot["resource"]["aws.service.type"] == "gen_ai_agent"
