"""Calls with Deepgram and Cartesia, whose keys come from Secrets Manager."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

import bot
from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent
from tests.agent_image.caller import SocketCaller
from tests.agent_image.failing_calls import leave_after_the_apology, reported
from tests.agent_image.four_turns import COUNTED, GOODBYE, REPEATED, ask, ended, silent
from tests.models.cascaded import CascadedModels, run_cascaded_models
from tests.models.secrets import CARTESIA_KEY, DEEPGRAM_KEY

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, kw_only=True)
class Running:
    agent: AgentProcess
    models: CascadedModels


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    log = tmp_path_factory.mktemp("agent") / "log"
    chosen = {"SWITCHBOARD_SPEECH_TO_TEXT": "deepgram", "SWITCHBOARD_TEXT_TO_SPEECH": "cartesia"}
    async with run_cascaded_models() as models:
        environment = {**models.environment(), **chosen}
        async with run_agent(log=log, image=IMAGE, **environment) as agent:
            await agent.answers()
            await agent.ready()
            yield Running(agent=agent, models=models)


async def test_a_call_with_deepgram_and_cartesia(running: Running) -> None:
    models = running.models
    async with SocketCaller.connect(running.agent.url) as caller:
        await silent(caller, since=caller.connected_at)
        counted = await caller.say(COUNTED)
        await caller.message("bot-started-speaking", after=counted, within=20)
        assert "music" in await ask(caller, REPEATED, until_said="music")
        await caller.say(GOODBYE)
        await ended(caller)
    await running.agent.idle()

    # On a slow machine a sentence may be heard in two parts.
    heard = " ".join(models.deepgram.finals).lower()
    assert [word for word in ("count", "music", "bye") if word not in heard] == []
    assert len(models.cartesia.texts) >= 4
    assert models.cartesia.cancelled
    assert models.cartesia.voices == {bot.VOICES["cartesia"]}
    assert len(models.deepgram.connections) == len(models.cartesia.connections) == 1
    assert len(models.secrets.requests) == 1
    assert not models.transcribe.requests + models.polly.requests


async def test_a_secret_without_the_key_ends_the_call(running: Running) -> None:
    secrets = running.models.secrets
    secrets.secret, whole = json.dumps({"cartesiaApiKey": CARTESIA_KEY}), secrets.secret
    async with SocketCaller.connect(running.agent.url) as caller:
        await leave_after_the_apology(caller)
    secrets.secret = whole

    await reported(running.agent, service="stt", kind="broken")


async def test_a_refused_key_ends_the_call(running: Running) -> None:
    running.models.cartesia.failing = "refused"
    async with SocketCaller.connect(running.agent.url) as caller:
        await leave_after_the_apology(caller)
    running.models.cartesia.failing = None

    await reported(running.agent, service="tts", kind="expired")
    log = running.agent.log.read_text()
    assert DEEPGRAM_KEY not in log
    assert CARTESIA_KEY not in log
