"""Whole calls in Daily rooms, by the real agent with Daily's stand-in: people, telephones, and ends of all kinds."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from bot import GOODBYE
from local.daily.admin_client import Account, Admin
from local.daily.phone import Phone
from local.daily.stand_in import serve
from tests.agent_image.agent_process import IMAGE, AgentProcess, ended, run_agent, without_errors
from tests.agent_image.four_turns import ask, hold_four_turns, silent
from tests.agent_image.room_caller import Room, RoomCaller
from tests.agent_image.rooms_function_stand_in import RoomsFunctionStandIn
from tests.agent_image.telephone import Telephone

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLER, CALLEE, HUMAN, OURS = "+15550100001", "+15550100002", "+15550100003", "+15550100004"
# A bot that knows nothing of this image: as Pipecat's examples for Daily are.
STOCK_BOT = """\
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

from echo import echo_conversation


async def bot(runner_args):
    params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = DailyTransport(runner_args.room_url, runner_args.token, "Stock", params)
    pipeline = Pipeline([transport.input(), *echo_conversation(), transport.output()])
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_out_sample_rate=16_000))

    @transport.event_handler("on_participant_left")
    async def on_participant_left(transport, participant, reason):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    daily: Admin
    account: Account
    rooms: RoomsFunctionStandIn
    agent: AgentProcess

    def room(self, **more: Any) -> Room:
        return Room.create(self.daily, self.account, **more)

    def daily_api(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.account.api_key}"}
        return httpx.AsyncClient(base_url=self.daily.api_url, headers=headers, trust_env=False)

    async def over(self, room: Room) -> str:
        """Wait until the call is over and its end told; how it ended."""
        await self.agent.idle()
        await self.rooms.event("session-ended", sessionId=room.session_id)
        await room.left_by_all()
        return ended(self.agent)


@asynccontextmanager
async def run_place(folder: Path, *, image: Path = IMAGE) -> AsyncIterator[Place]:
    async with AsyncExitStack() as servers:
        daily = servers.enter_context(serve())
        account = daily.add_account(numbers=[OURS])
        rooms = await servers.enter_async_context(RoomsFunctionStandIn.run(folder=folder))
        environment = {**rooms.environment(), **daily.agent_environment, "SWITCHBOARD_LOG_LEVEL": "DEBUG"}
        agent = await servers.enter_async_context(run_agent(log=folder / "log", image=image, **environment))
        await agent.answers()
        yield Place(daily=daily, account=account, rooms=rooms, agent=agent)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with run_place(tmp_path_factory.mktemp("rooms")) as place:
        await place.agent.ready()
        yield place


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def clean(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """No test leaves an error in the log, nor what nobody may read there."""
    if "place" not in request.fixturenames:
        yield
        return
    place: Place = request.getfixturevalue("place")
    async with without_errors(place.agent):
        yield
    log = place.agent.log.read_text()
    secrets = (place.account.api_key, place.account.domain, "eyJ", *(number[1:] for number in (CALLER, CALLEE, HUMAN)))
    assert [secret for secret in secrets if secret in log] == []


async def test_a_call_of_four_turns(place: Place) -> None:
    room = place.room()
    asked = time.monotonic()
    assert await room.join(place.agent, caller="someone") == {}
    assert time.monotonic() - asked < 2, "the answer waits for the room"
    assert (await place.agent.ping())["status"] == "HealthyBusy"
    async with RoomCaller.connect(room) as caller:
        again, other = await room.join(place.agent), await place.room().join(place.agent)
        await hold_four_turns(caller)

    assert await place.over(room) == "1000 the caller said goodbye"
    assert again == {}
    assert other["error"]["code"] == "session_busy"


async def test_who_speaks_is_answered_and_the_call_lasts_until_the_last_has_left(place: Place) -> None:
    room = place.room(enable_recording="cloud")
    await room.join(place.agent, token=room.token(user="agent", owner=True, sr=True))
    async with RoomCaller.connect(room) as ann:
        await silent(ann, since=ann.connected_at)
        async with RoomCaller.connect(room, user="guest-1") as ben:
            assert "music" in await ask(ann, "I like music very much.", until_said="music")
            joined = time.monotonic()
            assert "garden" in await ask(ben, "Please repeat, I have a small garden.", until_said="garden")
            speakers = {m.data["user_id"] for m in ann.messages if m.type == "user-transcription" and m.time > joined}
            await ann.leave()
            assert "music" in await ask(ben, "I like music very much.", until_said="music")
            greetings = [
                m.data["text"] for m in ben.messages if m.type == "bot-tts-text" and "Welcome" in m.data["text"]
            ]
            recording = [each["recording"] for each in place.daily.rooms(place.account) if each["name"] == room.name]
            await ben.leave()
            assert await place.over(room) == "1000 the caller hung up"

    assert speakers == {ben.participant.id}
    assert greetings == [], "who comes later is not greeted"
    assert recording == [True]
    assert "the room is being recorded" in place.agent.log.read_text()


async def test_an_agent_that_is_sent_out_of_the_room_ends_the_call(place: Place) -> None:
    room = place.room()
    await room.join(place.agent)
    async with RoomCaller.connect(room) as caller, place.daily_api() as api:
        await caller.message("bot-ready", within=30)
        sent_out = await api.post(f"/rooms/{room.name}/eject", json={"user_ids": ["agent"]})
        assert sent_out.status_code == httpx.codes.OK
        await place.agent.idle()

    assert await place.over(room) == "1000 the room was closed, or the agent sent out of it"


async def test_the_bot_takes_its_leave_before_the_room_ends(place: Place) -> None:
    room = place.room(seconds=22)
    await room.join(place.agent)
    async with RoomCaller.connect(room) as caller:
        await caller.hung_up(within=30)

    assert time.time() < room.expires
    assert caller.said(after=0).endswith(GOODBYE)
    assert await place.over(room) == "1001 the room's time is over; start a new session"


async def test_a_room_that_isnt_there_is_an_error_and_the_session_ends(place: Place) -> None:
    room = place.room()
    async with place.daily_api() as api:
        await api.delete(f"/rooms/{room.name}")
    await room.join(place.agent)

    assert await place.over(room) == "1011 the agent can't use the room; its log says why"
    assert "the room can't be joined" in place.agent.log.read_text()


async def test_a_message_that_is_malformed_says_so_without_the_token(place: Place) -> None:
    message = {"type": "join", "roomUrl": "room", "token": "eyJsecret", "expires": "soon"}
    answer = await place.agent.http.post("/invocations", json=message)

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["error"]["code"] == "malformed_request"
    assert [word for word in ("roomUrl", "expires") if word not in answer.text] == []
    assert "eyJsecret" not in answer.text


@asynccontextmanager
async def webhook(place: Place, calls: list[Room]) -> AsyncIterator[None]:
    """Answers Daily's question for a room, as the telephony function does, and puts callers through."""

    async def answer(request: web.Request) -> web.Response:
        call = await request.json()
        if "callId" in call:
            exp = int(time.time() + 3_600)
            sip = {"display_name": "Caller", "sip_mode": "dial-in", "video": False, "num_endpoints": 1}
            room = await asyncio.to_thread(place.room, sip=sip, exp=exp, enable_dialout=True)
            ids = {"callId": call["callId"], "callDomain": call["callDomain"]}
            phone = {"direction": "inbound", **ids, "transferTo": HUMAN}
            assert await room.join(place.agent, phone=phone, caller="0123456789abcdef") == {}
            calls.append(room)
        return web.json_response({})

    async def connect(event: Mapping[str, Any]) -> None:
        ready = {name: event[name] for name in ("callId", "callDomain", "sipUri")}
        async with place.daily_api() as api:
            assert (await api.post("/dialin/pinlessCallUpdate", json=ready)).status_code == httpx.codes.OK

    application = web.Application()
    application.add_routes([web.post("/", answer)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    place.rooms.connect = connect
    dialin = {"phone_number": OURS, "room_creation_api": f"http://127.0.0.1:{runner.addresses[0][1]}/"}
    try:
        async with place.daily_api() as api:
            answered = await api.post("/", json={"properties": {"pinless_dialin": [dialin]}})
            assert answered.status_code == httpx.codes.OK, answered.text
        yield
    finally:
        await runner.cleanup()


async def test_a_caller_on_the_telephone_presses_keys_and_is_transferred(place: Place) -> None:
    calls: list[Room] = []
    async with (
        webhook(place, calls),
        Phone.listen(place.daily.base_url, number=HUMAN) as human,
        Phone.dial(place.daily.base_url, number=OURS, caller=CALLER) as phone,
    ):
        caller = Telephone(phone)
        await caller.hears("welcome")
        await caller.press("123#", answer=r"(one|1)\W+(two|2|too?)\b")
        await caller.ask("I want to talk to a human, please.", answer="human")
        assert await human.ringing() == CALLER
        await human.answer()
        await phone.event("transferred")
        end = await place.over(calls[0])
        assert not phone.is_over, "the call goes on without the agent"

    assert end == "1000 transferred to a human"
    headers = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": calls[0].session_id}
    outcome = await place.agent.http.post("/invocations", json={"type": "call-outcome"}, headers=headers)
    assert outcome.json() == {"outcome": "transfer", "reason": "the caller asks for a human"}


async def dial(place: Place, call: str) -> Room:
    """Let the agent call the callee."""
    room = place.room(enable_dialout=True)
    phone = {"direction": "outbound", "call": call, "number": CALLEE, "callerId": place.account.numbers[0].id}
    assert await room.join(place.agent, phone={**phone, "transferTo": None, "machineDetection": False}) == {}
    return room


def statuses(place: Place, call: str) -> list[str]:
    return [event["status"] for event in place.rooms.events if event.get("call") == call]


async def test_a_call_that_is_placed_is_greeted_when_it_is_answered(place: Place) -> None:
    async with Phone.listen(place.daily.base_url, number=CALLEE) as phone:
        room = await dial(place, "answered")
        assert await phone.ringing() == OURS
        await phone.answer()
        callee = Telephone(phone)
        await callee.hears("welcome")
        await callee.ask("Thank you, bye bye.", answer="bye")
        await phone.event("ended")

    assert await place.over(room) == "1000 the caller said goodbye"
    assert statuses(place, "answered") == ["ringing", "answered", "completed"]


async def test_a_callee_who_is_busy_or_hangs_up_ends_the_call(place: Place) -> None:
    async with Phone.listen(place.daily.base_url, number=CALLEE) as phone:
        room = await dial(place, "busy")
        await phone.ringing()
        await phone.reject("busy")
        assert await place.over(room) == "1000 the call that was placed ended: busy"
        room = await dial(place, "hung up")
        await phone.ringing()
        await phone.answer()
        await phone.event("connected")
        await phone.hang_up()

    assert await place.over(room) == "1000 the caller hung up"
    assert statuses(place, "busy") == ["ringing", "busy"]
    assert statuses(place, "hung up") == ["ringing", "answered", "completed"]


async def test_a_room_before_the_bot_is_loaded_is_joined_and_sigterm_ends_it_politely(tmp_path: Path) -> None:
    async with run_place(tmp_path) as place:
        room = place.room()
        assert await room.join(place.agent) == {}
        assert (await place.agent.status())["ready"] is False
        async with RoomCaller.connect(room) as caller:
            await caller.message("bot-ready", within=30)
            terminated = time.monotonic()
            exit_code = await place.agent.terminated()
            await caller.hung_up()
        await room.left_by_all()
        calls_ended = place.rooms.cloudwatch.find("CallsEnded", reason="going away")

    assert exit_code == 0
    assert GOODBYE in caller.said(after=terminated)
    assert ended(place.agent) == "1001 the agent is stopping; start a new session"
    assert place.rooms.events == [{"type": "session-ended", "sessionId": room.session_id}]
    assert calls_ended.total() == 1


async def test_a_stock_bot_of_pipecats_needs_nothing_of_this_image(tmp_path: Path) -> None:
    image = shutil.copytree(IMAGE, tmp_path / "image", ignore=shutil.ignore_patterns("__pycache__"))
    (image / "bot.py").write_text(STOCK_BOT)
    async with run_place(tmp_path, image=image) as place:
        await place.agent.ready()
        room = place.room()
        await room.join(place.agent)
        async with RoomCaller.connect(room, ready=False) as caller:
            spoke = await caller.say("I like music very much.")
            await caller.bot_audio(after=spoke, within=20)
            await caller.leave()
            end = await place.over(room)

    assert end == "1000"
    assert re.search("Traceback", place.agent.log.read_text()) is None
