"""Calls with the real process, over its own WebSocket."""

import asyncio
import base64
import json
import re
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.agent_image.agent_process import AgentProcess, run_agent
from tests.agent_image.caller import Caller, SocketCaller

pytestmark = pytest.mark.asyncio(loop_scope="module")

VAD_STOP_SECONDS = 0.2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AgentProcess]:
    log = tmp_path_factory.mktemp("agent") / "log"
    async with run_agent(log=log, SWITCHBOARD_PIPELINE="offline") as process:
        await process.answers()
        await process.ready()
        yield process


def custom_body(body: object) -> Mapping[str, str]:
    encoded = base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")
    return {"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Body": encoded}


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


async def turn(caller: Caller, text: str) -> tuple[str, str]:
    """Say something; what the bot understood, and what it answers."""
    asked = time.monotonic()
    await caller.say(text)
    answer = await caller.message("bot-llm-text", after=asked)
    return caller.heard(after=asked), answer.data["text"]


async def test_a_spoken_dialogue_from_the_greeting_to_the_goodbye(agent: AgentProcess) -> None:
    before = await agent.ping()
    async with SocketCaller.connect(agent.url) as caller:
        ready = await caller.message("bot-ready")
        info = (await caller.message("server-message")).data
        greeting = await caller.message("bot-tts-text")
        turns = [
            await turn(caller, text)
            for text in ("What time is it?", "Can you count to three?", "Please repeat, I like music very much.")
        ]
        during = await agent.ping()
        await caller.say("Thank you, bye bye.")
        code, _ = await caller.closed()
    after = await agent.idle()

    assert ready.time < caller.connected_at + 1.0
    assert ready.time < greeting.time
    assert greeting.data["text"] == "Welcome. How can I help you?"
    assert info["type"] == "agent-info"
    assert 0 < info["ping_seconds"] < info["startup_seconds"]
    assert (info["vad_stop_seconds"], info["pipeline"], info["pipecat"]) == (VAD_STOP_SECONDS, "offline", "1.14.0")
    assert [words(heard) for heard, _ in turns] == [
        "what time is it",
        "can you count to three",
        "please repeat i like music very much",
    ]
    assert turns[0][1].startswith("It is ")
    assert [said for _, said in turns[1:]] == ["One, two, three.", "I like music very much."]
    assert caller.said(after=0).endswith("Thank you for calling. Bye bye.")
    assert code == 1000
    assert before["status"] == after["status"] == "Healthy"
    assert during["status"] == "HealthyBusy"
    assert before["time_of_last_update"] < during["time_of_last_update"] <= after["time_of_last_update"]


async def test_the_log_has_no_word_of_what_is_said(agent: AgentProcess) -> None:
    async with SocketCaller.connect(agent.url) as caller:
        heard, said = await turn(caller, "I like music very much.")
        await caller.send_message("send-text", {"no content": "marzipan"})
        await caller.message("error-response")
    await agent.idle()

    log = agent.log.read_text().lower()
    assert "music" in heard
    assert "music" in said
    assert "call ended" in log
    assert [word for word in ("music", "welcome. how", "marzipan") if word in log] == []


async def test_an_idle_agents_time_stands_still_after_a_call(agent: AgentProcess) -> None:
    async with SocketCaller.connect(agent.url) as caller:
        await caller.message("bot-ready")
    first = await agent.idle()
    second = first
    while time.time() < first["time_of_last_update"] + 2:
        second = await agent.ping()
        await asyncio.sleep(0.1)

    assert second == first


async def test_the_echo_answers_as_soon_as_the_voice_activity_detection_lets_it(agent: AgentProcess) -> None:
    delays = []
    async with SocketCaller.connect(agent.url, headers=custom_body({"brain": "echo"})) as caller:
        await caller.message("bot-ready")
        for _ in range(3):
            spoken = await caller.say("One, two.")
            delays.append(await caller.bot_audio(after=spoken) - spoken)
            await caller.message("bot-stopped-speaking", after=spoken)
        assert not caller.heard(after=0)

    # The detection counts windows of 32 ms, so its 0.2 s of silence take up to 0.256 s.
    assert sorted(delays)[1] < VAD_STOP_SECONDS + 0.056 + 0.060


async def test_the_caller_interrupts_the_bot(agent: AgentProcess) -> None:
    async with SocketCaller.connect(agent.url) as caller:
        asked = time.monotonic()
        await caller.say("Please count to twenty.")
        count = await caller.message("bot-llm-text", after=asked)
        speaking = await caller.message("bot-started-speaking", after=count.time)
        await caller.say("What time is it?")
        noticed = await caller.message("user-started-speaking", after=speaking.time)
        stopped = await caller.message("bot-stopped-speaking", after=speaking.time)
        answer = await caller.message("bot-llm-text", after=stopped.time)

    assert stopped.time - noticed.time < 0.3
    assert answer.data["text"].startswith("It is ")
    assert "twenty" not in caller.said(after=asked)


async def test_ping_is_quick_while_calls_run(agent: AgentProcess) -> None:
    async with (
        SocketCaller.connect(agent.url) as one,
        SocketCaller.connect(agent.url, headers=custom_body({"brain": "echo"})) as other,
    ):
        talk = asyncio.gather(one.say("Please count to five."), other.say("Please count to five."))
        waits = []
        while not talk.done():
            asked = time.monotonic()
            assert (await agent.ping())["status"] == "HealthyBusy"
            waits.append(time.monotonic() - asked)
            await asyncio.sleep(0.05)
        assert (await agent.status())["calls"] == 2

    # Not the slowest: that one tells how busy the machine was.
    assert statistics.quantiles(waits, n=10)[-1] < 0.25


async def test_calls_one_after_another_leave_nothing_behind(agent: AgentProcess) -> None:
    for _ in range(3):
        async with SocketCaller.connect(agent.url) as caller:
            await caller.message("bot-ready", within=2)
    await agent.idle()

    assert await agent.status() == {"ready": True, "calls": 0, "pipeline": "offline"}
    assert "Traceback" not in agent.log.read_text()
    assert "dangling" not in agent.log.read_text().lower()


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Body": "?"}, "not base64url of JSON"),
        (custom_body(["echo"]), "send a JSON object"),
        (custom_body({"brain": "oracle"}), "brain: got 'oracle'; allowed are scripted, echo"),
        (custom_body({"brain": "x" * 1_000}), "brain: got 'xxx"),
    ],
)
async def test_a_bad_body_ends_the_call_with_its_reason(
    agent: AgentProcess, headers: Mapping[str, str], reason: str
) -> None:
    async with SocketCaller.connect(agent.url, headers=headers) as caller:
        code, said = await caller.closed()

    assert code == 1008
    assert reason in (said or "")


async def test_without_rooms_an_agent_refuses_to_join_one_and_has_not_loaded_what_that_takes(
    agent: AgentProcess,
) -> None:
    message = {"type": "join", "roomUrl": "https://shop.daily.co/room", "token": "eyJ", "expires": 0}
    answer = await agent.http.post("/invocations", json=message)
    loaded = await asyncio.to_thread(Path(f"/proc/{agent.process.pid}/maps").read_text)

    assert answer.json()["error"]["code"] == "no_daily"
    assert "onnxruntime" in loaded
    assert "daily.abi3.so" not in loaded
