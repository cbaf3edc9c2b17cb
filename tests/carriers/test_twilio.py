"""What only Twilio's stand-in does: it drops queries, numbers its messages, and knows Twilio's parameters."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from shared.https_request import request
from telephony.carriers.rest import basic_authorization
from telephony.plan import Connect, HangUp, Next
from tests.carriers.test_calls import CALLED, CALLER, TONE, TWILIO, connected, ended
from tests.carriers.tiny_kit import WAY_IN, TinyKit
from tests.carriers.twilio import TwilioStandIn
from tests.models.certificates import Certificates

SECRET = TWILIO.secret
ORDER = {"To": CALLER, "From": CALLED, "Url": "https://voice.example/answer"}


@pytest.fixture
async def kit(certificates: Certificates) -> AsyncIterator[TinyKit]:
    kit = TinyKit(carrier=TWILIO.carrier, secret=SECRET)
    kit.plans = {"answer": (Connect(url=TWILIO.way_in), Next()), "next": (HangUp(),)}
    async with kit.serve(certificates=certificates):
        yield kit


@pytest.fixture
async def twilio(kit: TinyKit, trust: ssl.SSLContext) -> AsyncIterator[TwilioStandIn]:
    stand_in = TwilioStandIn(
        account=SECRET, webhook_base=kit.base, connect=lambda _: ("127.0.0.1", kit.port), trust=trust
    )
    async with stand_in:
        yield stand_in


async def post(twilio: TwilioStandIn, path: str, fields: dict[str, Any], *, token: str = "") -> tuple[int, str]:
    answer = await asyncio.to_thread(
        request,
        method="POST",
        url=f"{twilio.api_url}/2010-04-01/Accounts/{SECRET['accountSid']}/{path}",
        headers={
            "Authorization": basic_authorization(user=SECRET["accountSid"], password=token or SECRET["authToken"]),
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=urlencode(fields, doseq=True).encode(),
        timeout_seconds=10.0,
    )
    return answer.status, answer.body.decode()


async def test_a_query_is_dropped_and_noted(twilio: TwilioStandIn, kit: TinyKit) -> None:
    kit.plans["answer"] = (Connect(url=f"{WAY_IN}/ws?qualifier=live&X-Amz-Signature=a"), Next())
    line, bot, _ = await connected(twilio, kit)

    assert bot.path == "/ws"
    assert line.problems == ["a stream's URL has a query, which Twilio drops"]
    line.problems.clear()
    await line.hang_up()


async def test_only_wss_is_called(twilio: TwilioStandIn, kit: TinyKit) -> None:
    kit.plans["answer"] = (Connect(url="ws://relay.switchboard.test/x"), Next())
    line = await twilio.call_in(caller=CALLER, called=CALLED)
    await ended(line)

    assert line.problems == ["31922: a stream's URL does not begin with wss://"]
    line.problems.clear()


async def test_the_handshake_is_signed(twilio: TwilioStandIn, kit: TinyKit) -> None:
    line, bot, _ = await connected(twilio, kit)

    signature = bot.headers["X-Twilio-Signature"]
    assert RequestValidator(SECRET["authToken"]).validate(TWILIO.way_in, {}, signature)
    await line.hang_up()


async def test_messages_are_numbered_and_timed(twilio: TwilioStandIn, kit: TinyKit) -> None:
    line, bot, start = await connected(twilio, kit)
    for _ in range(3):
        await line.send(TONE[:320])
    await bot.hears("media", times=3)
    await line.press("5")
    await line.hang_up()
    await bot.hears("stop")

    assert bot.messages[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"] == {
        "accountSid": SECRET["accountSid"],
        "callSid": line.call_id,
        "streamSid": start["streamSid"],
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {},
    }
    assert [message["sequenceNumber"] for message in bot.messages[1:]] == ["1", "2", "3", "4", "5", "6"]
    media = [message["media"] for message in bot.of("media")]
    assert [(each["track"], each["chunk"], each["timestamp"]) for each in media] == [
        ("inbound", "1", "0"),
        ("inbound", "2", "20"),
        ("inbound", "3", "40"),
    ]
    assert {len(base64.b64decode(each["payload"])) for each in media} == {160}
    assert bot.messages[-1]["stop"] == {"accountSid": SECRET["accountSid"], "callSid": line.call_id}


async def test_parameters_of_a_stream_reach_the_bot(twilio: TwilioStandIn, kit: TinyKit) -> None:
    parameter = '<Parameter name="a" value="b &amp; c"/>'
    kit.raw["answer"] = f'<Response><Connect><Stream url="{WAY_IN}/x">{parameter}</Stream></Connect></Response>'
    line, _, start = await connected(twilio, kit)

    assert start["start"]["customParameters"] == {"a": "b & c"}
    await line.hang_up()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21201),
        ({"To": "4930901820"}, 21211),
        ({"From": ""}, 21213),
        ({"From": "Switchboard"}, 21212),
        ({"Url": "/answer"}, 21205),
        ({"StatusCallbackEvent": ["answered", "lifted"]}, 21626),
        ({"MachineDetection": "Enable"}, 21262),
        ({"TimeLimit": "86401"}, 21000),
        ({"Colour": "blue"}, 20001),
    ],
)
async def test_the_calls_resource_refuses(twilio: TwilioStandIn, changes: dict[str, Any], code: int) -> None:
    status, body = await post(twilio, "Calls.json", {**ORDER, **changes})

    assert (status, f'"code": {code}' in body) == (400, True), body
    assert twilio.lines == {}


async def test_nobody_else_may_call(twilio: TwilioStandIn) -> None:
    status, body = await post(twilio, "Calls.json", ORDER, token="another")

    assert (status, '"code": 20003' in body) == (401, True)


async def test_without_an_order_only_the_end_is_told(twilio: TwilioStandIn, kit: TinyKit) -> None:
    urls = {"Url": kit.urls()["answer"], "StatusCallback": kit.urls()["events"]}
    assert (await post(twilio, "Calls.json", {**ORDER, **urls}))[0] == 201
    line = await twilio.next_dialed()
    await line.pick_up()
    await (await kit.bot()).hears("start")
    await line.hang_up()

    assert [webhook.status for webhook in kit.of("events")] == ["completed"]
