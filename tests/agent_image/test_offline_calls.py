"""Whole calls with the offline pipeline, over a WebSocket and over WebRTC at the same time."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
import pytest_asyncio

from offline_speech import synthesize
from tests.agent_image.agent_process import AgentProcess, run_agent
from tests.agent_image.caller import LOUD, SAMPLE_RATE, Caller, SocketCaller
from tests.agent_image.four_turns import ended, hold_four_turns, silent
from tests.agent_image.peer_caller import PeerCaller
from tools.transfer_to_human import SENTENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


type Agents = tuple[AgentProcess, AgentProcess]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agents(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Agents]:
    """An agent for each way to call, as an agent serves one session."""
    logs = tmp_path_factory.mktemp("agents")
    async with run_agent(log=logs / "websocket") as one, run_agent(log=logs / "webrtc") as other:
        for agent in (one, other):
            await agent.answers()
            await agent.ready()
        yield one, other


@asynccontextmanager
async def calls(agents: Agents) -> AsyncIterator[tuple[SocketCaller, PeerCaller]]:
    """A call over a WebSocket, and one over WebRTC at the same time."""
    async with (
        SocketCaller.connect(agents[0].url) as socket_caller,
        PeerCaller.connect(agents[1], ice_servers=[]) as peer_caller,
    ):
        yield socket_caller, peer_caller
    for agent in agents:
        await agent.idle()


def ends(agents: Agents) -> list[str]:
    """How the last call of each agent ended, as its log says."""
    return [re.findall(r'call ended after [^:]*: ([^"\n]*)', agent.log.read_text())[-1] for agent in agents]


async def test_a_call_of_four_turns(agents: Agents) -> None:
    async with calls(agents) as callers:
        await asyncio.gather(*map(hold_four_turns, callers))

    assert ends(agents) == ["1000 the caller said goodbye"] * 2
    assert "Traceback" not in agents[0].log.read_text() + agents[1].log.read_text()


async def transferred(caller: Caller) -> str | None:
    """Ask for a human; the reason with which the call ends then."""
    await silent(caller, since=caller.connected_at)
    asked = time.monotonic()
    await caller.say("I want to talk to a human, please.")
    message = await caller.message("server-message", after=asked)
    await caller.message("bot-started-speaking", after=message.time)
    await caller.say("I like music.")  # who talks hears the last sentence all the same
    reason = await ended(caller)

    assert message.data == {"type": "transfer-to-human", "reason": "the caller asks for a human"}
    assert caller.said(after=asked) == SENTENCE
    assert loud_seconds(caller, after=asked) > seconds(SENTENCE) - 0.3
    return reason


def loud_seconds(caller: Caller, *, after: float) -> float:
    """How long the bot was heard, from its first sound to its last."""
    loud = [
        moment for moment, pcm in caller.audio if moment > after and np.abs(np.frombuffer(pcm, np.int16)).max() > LOUD
    ]
    return loud[-1] - loud[0]


def seconds(text: str) -> float:
    samples = np.frombuffer(synthesize(text, sample_rate=SAMPLE_RATE), np.int16)
    loud = np.flatnonzero(np.abs(samples) > LOUD)
    return float(loud[-1] - loud[0]) / SAMPLE_RATE


async def test_a_transfer_is_announced_spoken_and_the_end(agents: Agents) -> None:
    async with calls(agents) as callers:
        reason, _ = await asyncio.gather(*map(transferred, callers))

    assert reason == "transferred to a human"
    assert ends(agents) == ["1000 transferred to a human"] * 2
