"""What the operator sees of real calls: spans at a stand-in for X-Ray, metrics at one for CloudWatch, and the log."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from logs import session_label
from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent
from tests.agent_image.caller import SocketCaller
from tests.agent_image.four_turns import ORDERED, ORDERED_THING, ask, silent
from tests.models.cascaded import run_cascaded_models
from tests.models.cloudwatch import CloudWatchStandIn
from tests.models.collector import HOST, Collector

pytestmark = pytest.mark.asyncio(loop_scope="module")

SESSION = "0123456789abcdef" * 6
TRACE, PARENT = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
SECONDS, TIMES = 60.0, 5
# Of what the call says and hears, and of the tools' arguments and results.
SPOKEN = ("coat", "welcome", "order number", "on its way", "you said")


@dataclass(frozen=True, kw_only=True)
class Place:
    agent: AgentProcess
    collector: Collector
    cloudwatch: CloudWatchStandIn
    before: tuple[int, int, int]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.agent.log.read_text().splitlines()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """An agent that traces and has had one call of a caller whose own tracing says Sampled=0."""
    folder: Path = tmp_path_factory.mktemp("telemetry")
    async with run_cascaded_models() as models, AsyncExitStack() as servers:
        credentials = models.credentials
        cloudwatch = await servers.enter_async_context(
            CloudWatchStandIn(credentials=credentials).serve(certificates=models.certificates)
        )
        collector = servers.enter_context(Collector.run(folder=folder, credentials=credentials))
        environment = {
            **models.environment(),
            **collector.environment(),
            "AWS_ENDPOINT_URL_CLOUDWATCH": cloudwatch.url,
            "SWITCHBOARD_LOG_LEVEL": "DEBUG",
            "SWITCHBOARD_TRACING": "on",
        }
        agent = await servers.enter_async_context(run_agent(log=folder / "log", image=IMAGE, **environment))
        await agent.answers()
        await agent.ready()
        before = (len(collector.hosts), len(cloudwatch.requests), len(credentials.issued))
        headers = {
            "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": SESSION,
            "X-Amzn-Trace-Id": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=0",
        }
        async with SocketCaller.connect(agent.url, headers=headers) as caller:
            await hold_call(caller)
        await agent.idle()
        assert await agent.terminated() == 0
        yield Place(agent=agent, collector=collector, cloudwatch=cloudwatch, before=before)


async def hold_call(caller: SocketCaller) -> None:
    """A greeting, and a tool; on a slow machine the caller's voice has gaps, and has to ask again."""
    await caller.message("bot-tts-text", within=SECONDS)
    await silent(caller, since=caller.connected_at, within=SECONDS)
    for _ in range(TIMES):
        if ORDERED_THING in await ask(caller, ORDERED, within=SECONDS):
            return
    raise AssertionError(caller.heard(after=0))


async def test_nothing_is_connected_before_the_first_session(place: Place) -> None:
    assert place.before == (0, 0, 0)
    assert place.collector.hosts
    assert place.cloudwatch.requests


async def test_the_spans_of_a_call_go_to_x_ray_in_one_signed_trace(place: Place) -> None:
    collector = place.collector
    (call,) = collector.named("call")
    (conversation,) = collector.named("conversation")
    turns = collector.named("turn")

    assert set(collector.hosts) == {f"{HOST}:443"}
    assert collector.refusals == []
    assert {span.trace_id for span in collector.spans} == {TRACE}
    assert {span.attributes["session.id"] for span in collector.spans} == {SESSION}
    assert len({span.attributes["request.id"] for span in collector.spans}) == 1
    assert call.parent_id == PARENT
    assert conversation.parent_id == call.span_id
    assert {turn.parent_id for turn in turns} == {conversation.span_id}
    assert len(turns) >= 2
    for name in ("stt", "llm", "tts"):
        assert {span.parent_id for span in collector.named(name)} <= {span.span_id for span in [*turns, conversation]}
        assert collector.named(name), name
    assert call.resource["service.name"] == "switchboard-agent"
    assert call.resource["aws.service.type"] == "gen_ai_agent"


async def test_a_tools_span_has_its_name_and_outcome_only(place: Place) -> None:
    (span,) = place.collector.named("execute_tool find_order")

    assert span.attributes["gen_ai.tool.name"] == "find_order"
    assert span.attributes["tool.outcome"] == "completed"
    assert not {name for name in span.attributes if "arguments" in name or "result" in name}


async def test_no_span_holds_what_was_said(place: Place) -> None:
    sent = b"".join(place.collector.bodies).lower()

    assert b"metrics.ttfb" in sent
    assert [word for word in SPOKEN if word.encode() in sent] == []


async def test_metrics_of_the_call_reach_cloudwatch_signed_in_the_only_namespace_of_the_role(place: Place) -> None:
    cloudwatch = place.cloudwatch
    counts = {
        name: sum(value * count for value, count in cloudwatch.find(name).items())
        for name in ("CallsEnded", "Turns", "WordsHeard", "WordsSpoken")
    }
    first_audio = cloudwatch.find("EndOfSpeechToFirstAudio", pipeline="cascaded")

    assert len(set(cloudwatch.keys)) >= 1
    assert counts["CallsEnded"] == cloudwatch.find("CallsEnded", pipeline="cascaded", reason="normal")[1] == 1
    assert counts["Turns"] >= 1
    assert counts["WordsHeard"] > 5
    assert counts["WordsSpoken"] > 10
    assert cloudwatch.find("ToolFailures") == cloudwatch.find("ModelFailures") == {}
    assert cloudwatch.find("ToolTime", tool="find_order").total() == 1
    assert [kind for kind in ("llm", "tts") if not cloudwatch.find("TimeToFirstByte", service=kind)] == []
    assert 1 <= first_audio.total() <= TIMES + 1
    assert min(first_audio) > 200
    assert max(first_audio) < 1000 * SECONDS
    assert 5 < max(cloudwatch.find("CallSeconds")) < 1000


async def test_every_log_line_is_one_json_object_and_says_whose_it_is(place: Place) -> None:
    lines = place.lines()
    of_the_call = [line for line in lines if line.get("session") == session_label(SESSION)]
    ended = next(line for line in lines if line["message"].startswith("call ended after "))

    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert {line["level"] for line in lines} >= {"DEBUG", "INFO"}
    assert len({line["request_id"] for line in of_the_call}) == 1
    assert ended in of_the_call
    assert {line["trace_id"] for line in of_the_call if "trace_id" in line} == {TRACE}


async def test_even_at_debug_the_log_has_no_word_of_the_call_and_no_secret(place: Place) -> None:
    log = place.agent.log.read_text().lower()
    keys = [key.lower() for key in place.cloudwatch.keys]

    assert "withheld" in log
    assert [word for word in (*SPOKEN, SESSION, "authorization", "aws4-hmac", "http://", *keys) if word in log] == []
