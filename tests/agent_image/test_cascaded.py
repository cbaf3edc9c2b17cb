"""Whole calls with Transcribe, Bedrock and Polly: wire-level stand-ins, and the agent's process unpatched."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import pytest
import pytest_asyncio

from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent
from tests.agent_image.caller import SocketCaller
from tests.agent_image.failing_calls import apology_heard, leave_after_the_apology, reported
from tests.agent_image.four_turns import hold_four_turns, silent
from tests.agent_image.peer_caller import PeerCaller
from tests.models.cascaded import MODEL, CascadedModels, run_cascaded_models
from tests.models.stand_in import Failure

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Shorter than a call, so that every call goes on with keys that it did not start with.
KEY_SECONDS = 2.0
INTERNAL_ERROR = 1011


@dataclass(frozen=True, kw_only=True)
class Running:
    """Two agents, so that two calls can be held at once."""

    agent: AgentProcess
    other_agent: AgentProcess
    models: CascadedModels


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    logs = tmp_path_factory.mktemp("agents")
    async with (
        run_cascaded_models(lifetime_seconds=KEY_SECONDS) as models,
        run_agent(log=logs / "first", image=IMAGE, **models.environment()) as agent,
        run_agent(log=logs / "second", image=IMAGE, **models.environment()) as other_agent,
    ):
        for started in (agent, other_agent):
            await started.answers()
            await started.ready()
        yield Running(agent=agent, other_agent=other_agent, models=models)


async def test_nothing_is_connected_before_the_first_call(running: Running) -> None:
    models = running.models

    assert models.credentials.issued == []
    assert not models.transcribe.requests + models.converse.requests + models.polly.requests + models.secrets.requests


async def test_calls_of_four_turns_over_both_transports(running: Running) -> None:
    models = running.models
    models.polly.chunk_seconds = 0.02
    async with (
        SocketCaller.connect(running.agent.url) as socket_caller,
        PeerCaller.connect(running.other_agent, ice_servers=[]) as peer_caller,
    ):
        await asyncio.gather(hold_four_turns(socket_caller), hold_four_turns(peer_caller))
    await running.agent.idle()
    await running.other_agent.idle()
    models.polly.chunk_seconds = 0.0

    # One client a call, and one connection each, but for one more whenever the caller interrupts what is on its way.
    calls = 2
    assert len(models.transcribe.connections) == calls
    assert len(models.converse.bodies) >= 6 * calls
    assert len(models.converse.connections) == calls + models.converse.unfinished
    assert models.polly.unfinished >= calls
    assert len(models.polly.connections) <= calls + models.polly.unfinished
    # Fresh keys within the one client, each verified by the stand-ins while it was good.
    assert len(set(models.converse.keys)) > calls
    assert len(set(models.polly.keys)) > calls

    assert models.transcribe.ends == ["ended"] * calls
    assert set(models.converse.models) == {MODEL}
    assert {(body["VoiceId"], body["Engine"]) for body in models.polly.bodies} == {("Ruth", "generative")}
    assert all(body["system"] and body["inferenceConfig"]["maxTokens"] for body in models.converse.bodies)
    log = running.agent.log.read_text() + running.other_agent.log.read_text()
    assert "Traceback" not in log
    assert "garden" not in log
    assert "X-Amz-Signature" not in log


async def test_the_caller_hears_polly_while_it_still_sends(running: Running) -> None:
    models = running.models
    models.polly.chunk_seconds = 0.03
    sent = len(models.polly.last_bytes)
    async with SocketCaller.connect(running.agent.url) as caller:
        heard = await caller.bot_audio(after=caller.connected_at)
        await silent(caller, since=caller.connected_at)
    await running.agent.idle()
    models.polly.chunk_seconds = 0.0

    assert heard < models.polly.last_bytes[sent] - 1.0


async def test_an_answer_that_is_interrupted_is_given_up(running: Running) -> None:
    models = running.models
    models.converse.word_seconds = 0.5
    unfinished, connections = models.converse.unfinished, len(models.converse.connections)
    async with SocketCaller.connect(running.agent.url) as caller:
        await caller.message("bot-ready")
        asked = await _type(caller, "count")
        await models.converse.request_after(asked)
        models.converse.word_seconds = 0.0
        await _type(caller, "I like music")
        await caller.message("bot-tts-text", after=models.converse.requests[-1])
    await running.agent.idle()

    assert models.converse.unfinished == unfinished + 1
    assert len(models.converse.connections) == connections + 2
    assert "music" in caller.said(after=asked)


async def test_a_throttled_model_ends_the_call_with_an_apology(running: Running) -> None:
    models = running.models
    models.converse.failing = "throttled"
    attempts = len(models.converse.requests)
    async with SocketCaller.connect(running.agent.url) as caller:
        await caller.message("bot-ready")
        await _type(caller, "hello")
        await apology_heard(caller)
        code, reason = await caller.closed(within=30)
    models.converse.failing = None
    await running.agent.idle()

    assert (code, reason) == (INTERNAL_ERROR, "a service of the agent is at its limit; try again later")
    first, second, third = models.converse.requests[attempts:]
    assert second - first < 5
    assert third - second < 5


@pytest.mark.parametrize(
    ("service", "failure", "failed"),
    [
        ("converse", "refused", ("llm", "refused")),
        ("converse", "expired", ("llm", "expired")),
        ("converse", "broken", ("llm", "broken")),
        ("polly", "refused", ("tts", "refused")),
        ("transcribe", "refused", ("stt", "refused")),
    ],
)
async def test_the_caller_hears_an_apology_for_every_failure(
    running: Running,
    service: Literal["converse", "polly", "transcribe"],
    failure: Failure,
    failed: tuple[str, str],
) -> None:
    stand_in = getattr(running.models, service)
    stand_in.failing = failure
    async with SocketCaller.connect(running.agent.url) as caller:
        if service == "converse":
            await caller.message("bot-ready")
            await _type(caller, "hello")
        await leave_after_the_apology(caller)
    stand_in.failing = None

    await reported(running.agent, service=failed[0], kind=failed[1])


async def _type(caller: SocketCaller, text: str) -> float:
    """Say something in writing; the moment of the last message before it."""
    moment = caller.messages[-1].time
    await caller.send_message("send-text", {"content": text})
    return moment
