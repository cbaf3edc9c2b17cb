"""Calls that outlive their WebSockets, with the real process."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from offline_speech import synthesize
from tests.agent_image.agent_process import AgentProcess, ended, run_agent, until, without_errors
from tests.agent_image.caller import SAMPLE_RATE, Message, SocketCaller
from tests.agent_image.test_server import words

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRACE_SECONDS = 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AgentProcess]:
    log = tmp_path_factory.mktemp("agent") / "log"
    async with run_agent(log=log, SWITCHBOARD_RECONNECT_GRACE_SECONDS=str(GRACE_SECONDS)) as process:
        await process.answers()
        await process.ready()
        yield process


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def idle(agent: AgentProcess) -> AsyncIterator[None]:
    async with without_errors(agent):
        yield


def session(name: str, **custom: str) -> Mapping[str, str]:
    """The headers that AgentCore makes of a session's URL."""
    prefix = "X-Amzn-Bedrock-AgentCore-Runtime"
    return {
        f"{prefix}-Session-Id": f"{name}-session-of-the-tests-0123456789",
        **{f"{prefix}-Custom-{key}": value for key, value in custom.items()},
    }


def count(agent: AgentProcess, line: str) -> int:
    return agent.log.read_text().count(line)


async def drop(caller: SocketCaller, agent: AgentProcess) -> None:
    """Lose the connection, and wait until the agent knows."""
    before = count(agent, "the caller is lost")
    caller.drop()

    async def noticed() -> bool:
        return count(agent, "the caller is lost") > before

    await until(noticed)


async def told(caller: SocketCaller, kind: str, *, after: float = 0.0) -> Message:
    """The first message of this type after a moment, however slow the machine is."""
    return await caller.message(kind, after=after, within=30)


async def write(caller: SocketCaller, text: str) -> Message:
    """Ask in writing, where hearing is not the question; the answer."""
    asked = time.monotonic()
    await caller.send_message("send-text", {"content": text})
    return await told(caller, "bot-llm-text", after=asked)


async def test_an_answer_goes_on_where_the_connection_broke(agent: AgentProcess) -> None:
    headers = session("answer")
    async with SocketCaller.connect(agent.url, headers=headers) as caller:
        await told(caller, "bot-stopped-speaking")
        answered = await write(caller, "Please count to five.")
        await told(caller, "bot-started-speaking", after=answered.time)
        await drop(caller, agent)
        await asyncio.sleep(2.5)  # most of the answer
        assert (await agent.ping())["status"] == "HealthyBusy"
        back = await caller.reconnect(agent.url, headers={**headers, **session("answer", Resume="1")})
        ready = await told(caller, "bot-ready", after=back)
        await told(caller, "bot-stopped-speaking", after=back)
        spoken = sum(len(pcm) for moment, pcm in caller.audio if moment > answered.time)
        answer = await write(caller, "What did I say before?")
        assert (await agent.status())["calls"] == 1

    assert ready.time < back + 10
    assert spoken > 0.8 * len(synthesize(answered.data["text"], sample_rate=SAMPLE_RATE))
    assert words(answer.data["text"]) == "before you said please count to five"
    assert caller.said(after=0).count("Welcome") == 1


async def test_a_question_may_be_cut_in_two(agent: AgentProcess) -> None:
    headers = session("question")
    async with SocketCaller.connect(agent.url, headers=headers) as caller:
        await told(caller, "bot-stopped-speaking")
        saying = asyncio.create_task(caller.say("Please repeat I like music and coffee very much."))
        await told(caller, "user-started-speaking")
        caller.drop()
        back = await caller.reconnect(agent.url, headers=headers)
        await saying
        await told(caller, "bot-stopped-speaking", after=back)
        answer = await write(caller, "What time is it?")

    assert len(words(caller.heard(after=back)).split()) > 2
    assert answer.data["text"].startswith("It is ")


async def test_a_connection_takes_over_from_one_that_lives_in_its_own_session(agent: AgentProcess) -> None:
    headers = session("one")
    async with (
        SocketCaller.connect(agent.url, headers=session("other")) as other,
        SocketCaller.connect(agent.url, headers=headers) as caller,
    ):
        await told(caller, "bot-ready")
        await told(other, "bot-ready")
        first = caller.socket
        back = await caller.reconnect(agent.url, headers=headers)
        await told(caller, "bot-ready", after=back)
        async with asyncio.timeout(30):
            await first.wait_closed()
        assert (await agent.status())["calls"] == 2
        for each in (caller, other):
            asked = await each.say("Can you count to three?")
            await told(each, "bot-llm-text", after=asked)

    assert (first.close_code, first.close_reason) == (1000, "another connection took this call over")


async def test_a_caller_who_stays_away_ends_the_call_after_the_time_of_grace(agent: AgentProcess) -> None:
    headers = session("away")
    async with SocketCaller.connect(agent.url, headers=headers) as caller:
        await told(caller, "bot-ready")
        await drop(caller, agent)
        dropped = time.monotonic()
        await agent.idle()
        waited = time.monotonic() - dropped
    async with SocketCaller.connect(agent.url, headers=session("away", Resume="1")) as late:
        refusal = await late.closed(within=30)

    assert waited > GRACE_SECONDS - 1
    assert ended(agent) == "1000 the caller was lost"
    assert refusal == (1008, "this call has ended; start a new session")


@pytest.mark.parametrize("code", [1000, None])
async def test_a_hang_up_ends_the_call_at_once(agent: AgentProcess, code: int | None) -> None:
    async with SocketCaller.connect(agent.url, headers=session("hang-up")) as caller:
        await told(caller, "bot-ready")
        left = time.monotonic()
        caller.socket.protocol.send_close(code)  # Pipecat's JavaScript client closes without a code
        caller.socket.send_data()
        await agent.idle()

    assert time.monotonic() - left < GRACE_SECONDS - 1
    assert ended(agent) == "1000 the caller hung up"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (session("new", Resume="1"), "this call has ended; start a new session"),
        ({"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Resume": "1"}, "this call has ended; start a new session"),
        (session("new", Resume="yes"), "resume: allowed is 1; use the URL as it was signed"),
        (session("new", Caller="a b"), "caller: allowed are 1 to 128 letters, digits, _ and -"),
        (session("new", Caller="x" * 129), "caller: allowed are 1 to 128 letters, digits, _ and -"),
    ],
)
async def test_what_the_connect_api_would_not_sign_is_refused(
    agent: AgentProcess, headers: Mapping[str, str], reason: str
) -> None:
    async with SocketCaller.connect(agent.url, headers=headers) as caller:
        code, said = await caller.closed(within=30)

    assert code == 1008
    assert reason in (said or "")


async def test_a_client_that_disconnects_the_bot_ends_the_call_at_once(agent: AgentProcess) -> None:
    async with SocketCaller.connect(agent.url, headers=session("disconnect-bot")) as caller:
        await told(caller, "bot-ready")
        await caller.send_message("disconnect-bot", {})
        code, _ = await caller.closed(within=30)

    assert code == 1000


async def test_a_call_without_a_session_id_ends_with_its_connection(agent: AgentProcess) -> None:
    async with SocketCaller.connect(agent.url) as caller:
        await told(caller, "bot-ready")
        dropped = time.monotonic()
        caller.drop()
        await agent.idle()

    assert time.monotonic() - dropped < GRACE_SECONDS - 1
