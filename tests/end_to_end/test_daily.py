"""Calls in rooms of Daily's stand-in: spoken, of two people, by telephone, ended in every way, and of a wrong key."""

import asyncio
import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from local.daily.admin_client import PhoneNumber
from local.daily.participant import NotAdmittedError, Participant
from local.daily.phone import Phone
from tests.agent_image.agent_process import until
from tests.agent_image.four_turns import ask, silent
from tests.agent_image.room_caller import Room, RoomCaller
from tests.agent_image.telephone import Telephone
from tests.daily.deployment import DailyAccount

from .conftest import REPOSITORY, Kit, request

pytestmark = pytest.mark.end_to_end

OUR_NUMBER, CALLER, CALLEE, HUMAN = "+12025550105", "+14155550111", "+14155550122", "+12025550199"
ROOM_NAME = re.compile(r"switchboard-local-[0-9a-f]{32}")
SESSION_SECONDS = 3600
GONE_SECONDS = 20.0
"""By then the agent has told that a call is over, and its room is deleted; the sweep comes later."""
NEW_KEY_SECONDS = 30.0
"""By then a function has read the secret again whose key Daily refused."""


@dataclass(frozen=True, kw_only=True)
class StartedRoom(Room):
    """The room of a session that the connect API started; who joins has a token that the API gave, by their user id."""

    session: str
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def token(self, *, user: str, owner: bool = False, **claims: object) -> str:
        """The token that the API gave."""
        return self.tokens[user]

    async def gone(self) -> None:
        """Wait until the room is deleted."""

        async def deleted() -> bool:
            names = await asyncio.to_thread(lambda: [room["name"] for room in self.daily.rooms(self.account)])
            return self.name not in names

        await until(deleted, within=GONE_SECONDS)


@pytest.fixture(scope="session")
def daily(deployed: Kit) -> DailyAccount:
    """The deployment's account, with the number that its parameters name."""
    parameters = json.loads((REPOSITORY / "cdk.json").read_text())["context"]["environments"]["local"]
    return DailyAccount.open(
        client=deployed.client,
        base_url=f"{deployed.cloud_variables['AWS_ENDPOINT_URL']}/daily",
        stack_name="switchboard-local-connect",
        numbers=[PhoneNumber(id=parameters["telephony"]["daily_number"], number=OUR_NUMBER)],
    )


@pytest.fixture
def start(deployed: Kit, daily: DailyAccount, alice: str) -> Callable[[], StartedRoom]:
    """Start a session as alice."""

    def started() -> StartedRoom:
        answer = request(deployed, "POST", "/start", alice, {"transport": "daily"})
        assert answer.status_code == httpx.codes.OK, answer.text
        body = answer.json()
        assert body.keys() == {"dailyRoom", "dailyToken", "sessionId"}
        assert answer.headers["switchboard-session-id"] == body["sessionId"]
        return StartedRoom(
            daily=daily.admin,
            account=daily.account,
            name=body["dailyRoom"].rpartition("/")[2],
            url=body["dailyRoom"],
            expires=0,
            session=body["sessionId"],
            tokens={"caller": body["dailyToken"]},
        )

    return started


def claims_of(daily: DailyAccount, room_name: str, user_id: str) -> dict[str, Any]:
    """What was in the token that this user joined this room with, as Daily saw it."""
    (join,) = [
        join
        for join in daily.admin.joins(daily.account)
        if join["room"] == room_name and join["claims"]["ud"].startswith(user_id)
    ]
    claims: dict[str, Any] = join["claims"]
    return claims


def test_spoken_call_by_the_operators_command_is_understood_and_leaves_no_room(
    deployed: Kit, daily: DailyAccount
) -> None:
    began, before = time.time(), len(daily.admin.joins(daily.account))
    wav = deployed.folder / "daily.wav"
    done = deployed.run(sys.executable, "-m", "tests.daily.call", "--json", "--no-echo", "--wav", str(wav))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no room is left at Daily" in done.stderr
    call = json.loads(done.stdout)["call"]
    assert sum(turn["words_match"] for turn in call["turns"]) >= 3
    assert all(turn["answered"] and turn["answer_heard"] for turn in call["turns"])
    assert call["ended_by"] == "bot"

    joins = daily.admin.joins(daily.account)[before:]
    (room_name,) = {join["room"] for join in joins}
    assert ROOM_NAME.fullmatch(room_name)
    agent, caller = claims_of(daily, room_name, "agent"), claims_of(daily, room_name, "caller")
    assert (agent["o"], caller["o"]) == (True, False)
    assert agent["exp"] == caller["exp"]
    assert began < caller["exp"] - SESSION_SECONDS < time.time() + 1
    for claims in (agent, caller):
        assert (claims["r"], claims["d"], claims["ejt"]) == (room_name, daily.account.domain_id, True)
    asked = [f"{asked['method']} {asked['path']}" for asked in daily.admin.requests(daily.account)]
    assert not [each for each in asked if "meeting-tokens" in each]


async def test_a_second_human_is_let_in_by_the_owner_alone_and_the_bot_stays_for_the_last(
    deployed: Kit, daily: DailyAccount, start: Callable[[], StartedRoom], alice: str, bob: str
) -> None:
    room = await asyncio.to_thread(start)
    path = f"/sessions/{room.session}/participants"
    refused = await asyncio.to_thread(request, deployed, "POST", path, bob, {"name": "Ben"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_your_session")
    invited = await asyncio.to_thread(request, deployed, "POST", path, alice, {"name": "Ben"})
    assert invited.status_code == httpx.codes.CREATED, invited.text
    assert invited.json()["dailyRoom"] == room.url
    room.tokens["guest"] = invited.json()["dailyToken"]

    async with RoomCaller.connect(room) as ann, RoomCaller.connect(room, user="guest") as ben:
        await silent(ann, since=ann.connected_at, within=30)
        assert "music" in await ask(ben, "I like music very much.", until_said="music")
        await ann.leave()
        assert "garden" in await ask(ben, "Please repeat, I have a small garden.", until_said="garden")
    await room.gone()
    guest, caller = claims_of(daily, room.name, "guest-"), claims_of(daily, room.name, "caller")
    assert (guest["o"], guest["u"], guest["r"], guest["exp"]) == (False, "Ben", room.name, caller["exp"])
    assert re.fullmatch(r"guest-[0-9a-f]{8}", guest["ud"])
    over = await asyncio.to_thread(request, deployed, "POST", path, alice)
    assert (over.status_code, over.json()["error"]["code"]) == (410, "session_over")


async def test_delete_ends_the_call_for_all_and_its_token_opens_nothing_more(
    deployed: Kit, start: Callable[[], StartedRoom], alice: str, bob: str
) -> None:
    room = await asyncio.to_thread(start)
    async with RoomCaller.connect(room) as caller:
        await caller.message("bot-ready", within=30)
        path = f"/sessions/{room.session}"
        assert (await asyncio.to_thread(request, deployed, "DELETE", path, bob)).status_code == 403
        assert (await asyncio.to_thread(request, deployed, "DELETE", path, alice)).status_code == 204
        await room.gone()
    with pytest.raises(NotAdmittedError, match="no-room"):
        async with Participant.join(room.daily.base_url, room_url=room.url, token=room.token(user="caller")):
            pass


def test_a_session_without_a_room_takes_no_participants(deployed: Kit, alice: str) -> None:
    session = request(deployed, "POST", "/start", alice, {"transport": "websocket"}).headers["switchboard-session-id"]
    refused = request(deployed, "POST", f"/sessions/{session}/participants", alice)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_a_room")


async def test_somebody_calls_presses_keys_and_is_handed_to_a_human(deployed: Kit, daily: DailyAccount) -> None:
    webhook_url = f"{deployed.output('telephony', 'TelephonyUrl')}/daily/answer"
    await asyncio.to_thread(daily.serve_number, OUR_NUMBER, webhook_url=webhook_url)
    unsigned = {"To": OUR_NUMBER, "From": CALLER, "callId": "1", "callDomain": "1"}
    refused = await asyncio.to_thread(httpx.post, webhook_url, json=unsigned, timeout=30)
    assert refused.status_code == httpx.codes.FORBIDDEN
    before = daily.room_names()

    async with (
        Phone.listen(daily.admin.base_url, number=HUMAN) as human,
        Phone.dial(daily.admin.base_url, number=OUR_NUMBER, caller=CALLER) as phone,
    ):
        caller = Telephone(phone)
        await caller.hears("welcome")
        (room_name,) = daily.room_names() - before
        await caller.press("1", answer="one|1")
        await caller.ask("I want to talk to a human, please.", answer="human")
        assert await human.ringing() == CALLER
        await human.answer()
        await phone.event("transferred")
        await until(without(daily, room_name), within=GONE_SECONDS)
        assert not phone.is_over
    agent = claims_of(daily, room_name, "agent")
    assert (agent["o"], agent["r"]) == (True, room_name)


def without(daily: DailyAccount, room_name: str) -> Callable[[], Any]:
    async def condition() -> bool:
        return room_name not in await asyncio.to_thread(daily.room_names)

    return condition


async def test_the_bot_calls_somebody_and_the_record_tells_how_it_went(
    daily: DailyAccount, api: httpx.AsyncClient
) -> None:
    before = daily.room_names()
    async with Phone.listen(daily.admin.base_url, number=CALLEE) as phone:
        placed = await place(api)
        assert await phone.ringing() == OUR_NUMBER
        await phone.answer()
        callee = Telephone(phone)
        await callee.hears("welcome")
        await until(status_is(api, placed, "answered"), within=GONE_SECONDS)
        await callee.ask("Thank you and bye bye.", answer="bye")
        await phone.event("ended")
    await until(status_is(api, placed, "completed"), within=GONE_SECONDS)

    async def only_those_before() -> bool:
        return await asyncio.to_thread(daily.room_names) <= before

    await until(only_those_before, within=GONE_SECONDS)


async def test_a_call_that_was_placed_is_hung_up_through_the_api(daily: DailyAccount, api: httpx.AsyncClient) -> None:
    async with Phone.listen(daily.admin.base_url, number=CALLEE) as phone:
        placed = await place(api)
        await phone.ringing()
        await phone.answer()
        await Telephone(phone).hears("welcome")
        assert (await api.delete(f"/calls/{placed}")).status_code == httpx.codes.NO_CONTENT
        await phone.event("ended")


async def place(api: httpx.AsyncClient) -> str:
    """POST /calls; the call's id."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answer = await api.post("/calls", json={"to": CALLEE, "carrier": "daily"}, headers=headers)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    call_id: str = answer.json()["id"]
    return call_id


def status_is(api: httpx.AsyncClient, call_id: str, status: str) -> Callable[[], Any]:
    async def condition() -> bool:
        return bool((await api.get(f"/calls/{call_id}")).json()["status"] == status)

    return condition


async def test_a_refused_key_is_503_and_counted_and_a_new_one_works_without_a_deployment(
    deployed: Kit, daily: DailyAccount, alice: str
) -> None:
    began, new_key = time.time(), secrets.token_hex(32)
    daily.admin.set_api_key(daily.account, new_key)
    refused = await asyncio.to_thread(request, deployed, "POST", "/start", alice, {"transport": "daily"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "daily_refused_key")
    assert counted(deployed, "DailyKeyRefused", since=began) in alarmed(deployed)
    daily.fill_secret(api_key=new_key)

    async def starts() -> bool:
        answer = await asyncio.to_thread(request, deployed, "POST", "/start", alice, {"transport": "daily"})
        if answer.status_code != httpx.codes.OK:
            return False
        path = f"/sessions/{answer.json()['sessionId']}"
        return (await asyncio.to_thread(request, deployed, "DELETE", path, alice)).status_code == 204

    await until(starts, within=NEW_KEY_SECONDS)


def counted(kit: Kit, metric: str, *, since: float) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Namespace, name and dimensions of a metric that the connect function has written, as CloudWatch reads it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    (group,) = [name for name in log_groups(kit) if "ConnectLogGroup" in name]
    events = kit.client("logs").filter_log_events(logGroupName=group, filterPattern=metric)["events"]
    (message,) = [event["message"] for event in events if event["timestamp"] >= 1000 * since]
    written = json.loads(message)
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    (names,) = directive["Dimensions"]
    return directive["Namespace"], metric, tuple(sorted((name, written[name]) for name in names))


def alarmed(kit: Kit) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Namespace, name and dimensions of the metrics that alarms watch."""
    return [
        (alarm["Namespace"], alarm["MetricName"], tuple(sorted((d["Name"], d["Value"]) for d in alarm["Dimensions"])))
        for alarm in kit.client("cloudwatch").describe_alarms()["MetricAlarms"]
    ]


def log_groups(kit: Kit) -> list[str]:
    return [group["logGroupName"] for group in kit.client("logs").describe_log_groups()["logGroups"]]


def logged(kit: Kit) -> dict[str, str]:
    """All that was logged, by what logged it: the cloud's and the agents' files, and the functions' log groups."""
    files = [path for path in (kit.folder / "cloud").rglob("*.log") if path.is_file()]
    pages = kit.client("logs").get_paginator("filter_log_events")
    groups = {
        name: "\n".join(e["message"] for page in pages.paginate(logGroupName=name) for e in page["events"])
        for name in log_groups(kit)
    }
    return {path.name: path.read_text(errors="replace") for path in files} | groups


def test_nothing_of_the_calls_is_in_the_logs(deployed: Kit, daily: DailyAccount) -> None:
    """No number, key, meeting token or address of a room."""
    words = [number.removeprefix("+") for number in (OUR_NUMBER, CALLER, CALLEE, HUMAN)]
    words += [daily.secret["apiKey"], daily.secret["webhookHmac"], f"{daily.account.domain}.daily.co"]
    logs = logged(deployed)
    assert any("daily" in text for text in logs.values())
    for name, text in logs.items():
        assert [word for word in words if word in text] == [], name
        assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{20}", text), name
