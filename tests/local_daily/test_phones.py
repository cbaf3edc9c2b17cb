"""Telephones: calls in by a signed webhook, calls out that ring, keys, transfers, and who may do what."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from local.daily.participant import Participant
from local.daily.phone import Phone
from tests.local_daily.conftest import NUMBER, Daily
from tests.local_daily.test_hub import TONE
from tests.local_daily.webhooks import Webhooks, webhook_server

SECRET = base64.b64encode(b"a secret of the webhook").decode()
CALLER, CALLEE, COLLEAGUE = "+15550100002", "+15550100003", "+15550100004"


@pytest.fixture
def webhooks(daily: Daily) -> Iterator[Webhooks]:
    """The number's webhook, configured at the domain, with the test request that this brings already taken."""
    with webhook_server() as server:
        config = {"phone_number": NUMBER, "room_creation_api": server.url, "hmac": SECRET}
        answer = daily.http.post("/", json={"properties": {"pinless_dialin": [config]}})
        assert answer.json()["config"]["pinless_dialin"][0].items() >= config.items()
        headers, body = server.asked.pop()
        assert json.loads(body) == {"Test": "test"}
        assert_signed(headers, body)
        yield server


def assert_signed(headers: Any, body: bytes) -> None:
    signed = headers["x-pinless-timestamp"].encode() + b"." + body
    mac = hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()
    assert headers["x-pinless-signature"] == base64.b64encode(mac).decode()


def phone_room(daily: Daily) -> dict[str, Any]:
    sip = {"display_name": "Caller", "sip_mode": "dial-in", "num_endpoints": 1, "video": False}
    return daily.make_room(exp=int(time.time()) + 600, sip=sip, enable_dialout=True)


@asynccontextmanager
async def bot_in_room(daily: Daily) -> AsyncIterator[Participant]:
    url = phone_room(daily)["url"]
    async with Participant.join(daily.base_url, room_url=url, token=daily.token(o=True, ud="agent")) as bot:
        yield bot


def connect(daily: Daily, webhooks: Webhooks, bot_ready: str, **changed: str) -> Any:
    asked = json.loads(webhooks.asked[-1][1])
    body = {"callId": asked["callId"], "callDomain": asked["callDomain"], "sipUri": bot_ready, **changed}
    return daily.http.post("/dialin/pinlessCallUpdate", json=body)


async def test_a_call_in_waits_for_a_room_and_is_connected_to_it(daily: Daily, webhooks: Webhooks) -> None:
    async with bot_in_room(daily) as bot, Phone.dial(daily.base_url, number=NUMBER, caller=CALLER) as phone:
        ready = (await bot.event("dialin-ready"))["sipEndpoint"]
        held = await phone.event("held")
        while not webhooks.asked:
            await daily_turn(daily)
        headers, body = webhooks.asked[-1]
        assert_signed(headers, body)
        assert abs(int(headers["x-pinless-timestamp"]) / 1000 - time.time()) < 60
        asked = json.loads(body)
        assert (asked["To"], asked["From"], asked["callId"]) == (NUMBER, CALLER, held["callId"])

        for wrong in ({"callId": "no-call"}, {"callDomain": "another"}, {"sipUri": "sip:nobody@example.com"}):
            refused = connect(daily, webhooks, ready, **wrong)
            assert (refused.status_code, refused.json()["info"]) == (404, "Call Forwarding Failed")
        assert connect(daily, webhooks, ready).json() == {"ok": "true"}
        await phone.event("connected")
        joined = (await bot.event("participant-joined"))["participant"]
        assert joined["info"]["userName"] == "Caller"
        assert (await bot.event("dialin-connected"))["data"]["sessionId"] == joined["id"]
        assert connect(daily, webhooks, ready).status_code == 404

        await phone.speak(TONE, sample_rate=8_000)
        await bot.audio(seconds=0.4)
        assert bot.heard(joined["id"]) == (TONE, 8_000)
        await bot.speak(TONE, sample_rate=16_000)
        await phone.audio(seconds=0.2)
        await phone.press("4#")
        tones = [(await bot.event("dtmf-event"))["data"] for _ in "4#"]
        assert tones == [{"sessionId": joined["id"], "tone": tone} for tone in "4#"]
        await phone.hang_up()
        assert (await bot.event("dialin-stopped"))["data"]["sessionId"] == joined["id"]
        await bot.event("participant-left")


async def daily_turn(daily: Daily) -> None:
    """Let the stand-in, which has a thread of its own, go on."""
    daily.admin.calls(daily.account)


async def test_a_call_that_the_webhook_refuses_is_ended(daily: Daily, webhooks: Webhooks) -> None:
    webhooks.status = 503
    async with Phone.dial(daily.base_url, number=NUMBER, caller=CALLER) as phone:
        assert (await phone.event("ended"))["reason"] == "the webhook was answered with 503"
        assert daily.admin.calls(daily.account)["held"] == []


async def test_a_caller_who_hangs_up_waits_no_more(daily: Daily, webhooks: Webhooks) -> None:
    async with bot_in_room(daily) as bot:
        ready = (await bot.event("dialin-ready"))["sipEndpoint"]
        async with Phone.dial(daily.base_url, number=NUMBER, caller=CALLER) as phone:
            await phone.event("held")
            while not webhooks.asked:
                await daily_turn(daily)
        while daily.admin.calls(daily.account)["held"]:
            await daily_turn(daily)
        assert connect(daily, webhooks, ready).status_code == 404


async def test_a_room_without_a_session_takes_no_call(daily: Daily, webhooks: Webhooks) -> None:
    phone_room(daily)
    (room,) = daily.admin.rooms(daily.account)
    async with Phone.dial(daily.base_url, number=NUMBER, caller=CALLER) as phone:
        await phone.event("held")
        while not webhooks.asked:
            await daily_turn(daily)
        assert connect(daily, webhooks, room["sipEndpoints"][0]).status_code == 404


@pytest.mark.parametrize(
    "config",
    [
        {"phone_number": "+15550199999", "room_creation_api": "https://example.com/answer"},
        {"phone_number": NUMBER, "room_creation_api": "http://example.com/answer"},
        {"phone_number": NUMBER, "room_creation_api": "https://example.com/answer", "hmac": "no base64"},
        {"phone_number": NUMBER, "room_creation_api": "https://example.com/answer", "colour": "red"},
    ],
)
def test_a_dial_in_that_is_not_right_is_refused(daily: Daily, config: dict[str, str]) -> None:
    assert daily.http.post("/domain-dialin-config", json=config).status_code == 400


async def test_a_call_out_rings_is_answered_and_ends(daily: Daily) -> None:
    async with Phone.listen(daily.base_url, number=CALLEE) as phone, bot_in_room(daily) as bot:
        settings = {"phoneNumber": CALLEE, "callerId": daily.account.numbers[0].id, "displayName": "Callee"}
        session_id = await bot.ask("start-dialout", settings=settings)
        assert await phone.ringing() == NUMBER
        assert (await bot.event("dialout-connected"))["data"]["sessionId"] == session_id
        assert (await bot.event("participant-joined"))["participant"]["id"] == session_id
        assert not [event for event in bot.events if event["type"] == "dialout-answered"]
        await phone.answer()
        assert (await bot.event("dialout-answered"))["data"]["sessionId"] == session_id
        await phone.event("connected")
        await bot.ask("send-dtmf", settings={"sessionId": session_id, "tones": "12#"})
        assert (await phone.event("dtmf"))["tones"] == "12#"
        await bot.ask("stop-dialout", id=session_id)
        await phone.event("ended")
        assert (await bot.event("dialout-stopped"))["data"]["sessionId"] == session_id
        with pytest.raises(PermissionError, match="No SIP call in progress"):
            await bot.ask("stop-dialout", id=session_id)


async def test_a_call_out_fails_where_nobody_is_or_nobody_wants_it(daily: Daily) -> None:
    daily.admin.set_limits(daily.account, starts=10)
    async with Phone.listen(daily.base_url, number=CALLEE) as phone, bot_in_room(daily) as bot:
        session_id = await bot.ask("start-dialout", settings={"phoneNumber": "+15550100099"})
        failed = (await bot.event("dialout-error"))["data"]
        assert failed == {"sessionId": session_id, "errorMsg": "the number is not reachable"}
        session_id = await bot.ask("start-dialout", settings={"phoneNumber": CALLEE})
        await phone.ringing()
        await phone.reject("busy")
        failed = (await bot.event("dialout-error"))["data"]
        assert (failed["sessionId"], failed["errorMsg"]) == (session_id, "busy")
        assert (await bot.event("participant-left"))["participant"]["id"] == session_id
        assert daily.people() == ["agent"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"phoneNumber": "0100003"}, "E.164"),
        ({"phoneNumber": CALLEE, "callerId": "another's"}, "callerId"),
    ],
)
async def test_a_call_out_has_to_be_right(daily: Daily, settings: dict[str, str], why: str) -> None:
    async with bot_in_room(daily) as bot:
        with pytest.raises(PermissionError, match=why):
            await bot.ask("start-dialout", settings=settings)


async def test_only_owners_of_rooms_for_it_call_out(daily: Daily) -> None:
    async with bot_in_room(daily):
        url = f"https://{daily.account.domain}.daily.co/a-room"
        async with Participant.join(daily.base_url, room_url=url, token=daily.token()) as guest:
            with pytest.raises(PermissionError, match="owner"):
                await guest.ask("start-dialout", settings={"phoneNumber": CALLEE})
    url = daily.make_room("no-phones")["url"]
    token = daily.token(room="no-phones", o=True)
    async with Participant.join(daily.base_url, room_url=url, token=token) as bot:
        with pytest.raises(PermissionError, match="not enabled"):
            await bot.ask("start-dialout", settings={"phoneNumber": CALLEE})


async def test_a_transferred_call_leaves_the_room_and_speaks_with_whom_it_was_sent_to(daily: Daily) -> None:
    async with (
        Phone.listen(daily.base_url, number=CALLEE) as phone,
        Phone.listen(daily.base_url, number=COLLEAGUE) as colleague,
        bot_in_room(daily) as bot,
    ):
        session_id = await bot.ask("start-dialout", settings={"phoneNumber": CALLEE})
        await phone.ringing()
        await phone.answer()
        await bot.event("dialout-answered")
        with pytest.raises(PermissionError, match="toEndPoint"):
            await bot.ask("transfer", settings={"sessionId": session_id, "toEndPoint": "the colleague"})
        await bot.ask("transfer", settings={"sessionId": session_id, "toEndPoint": COLLEAGUE})
        assert (await phone.event("transferred"))["to"] == COLLEAGUE
        assert (await bot.event("dialout-stopped"))["data"]["sessionId"] == session_id
        await colleague.ringing()
        await colleague.answer()
        await colleague.event("connected")
        await phone.speak(TONE, sample_rate=8_000)
        await colleague.audio(seconds=0.4)
        await colleague.hang_up()
        await phone.event("ended")


async def test_a_call_that_is_transferred_to_nobody_ends(daily: Daily) -> None:
    async with Phone.listen(daily.base_url, number=CALLEE) as phone, bot_in_room(daily) as bot:
        session_id = await bot.ask("start-dialout", settings={"phoneNumber": CALLEE})
        await phone.ringing()
        await phone.answer()
        await bot.event("dialout-answered")
        await bot.ask("transfer", settings={"sessionId": session_id, "toEndPoint": "+15550100098"})
        assert "nobody answered" in (await phone.event("ended"))["reason"]
