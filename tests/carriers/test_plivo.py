"""What only Plivo's stand-in does: two ids a call, and streams that must be asked for rightly."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from xml.sax.saxutils import escape

import pytest

from shared.https_request import request
from telephony.carriers.rest import basic_authorization
from telephony.plan import Connect, HangUp, Next
from tests.carriers.plivo import PlivoStandIn
from tests.carriers.test_calls import CALLED, CALLER, PLIVO, connected, dial, ended
from tests.carriers.tiny_kit import WAY_IN, TinyKit
from tests.models.certificates import Certificates

SECRET = PLIVO.secret
STREAM = 'bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000"'


@pytest.fixture
async def kit(certificates: Certificates) -> AsyncIterator[TinyKit]:
    kit = TinyKit(carrier=PLIVO.carrier, secret=SECRET)
    kit.plans = {"answer": (Connect(url=PLIVO.way_in), Next()), "next": (HangUp(),)}
    async with kit.serve(certificates=certificates):
        yield kit


@pytest.fixture
async def plivo(kit: TinyKit, trust: ssl.SSLContext) -> AsyncIterator[PlivoStandIn]:
    stand_in = PlivoStandIn(
        account=SECRET, webhook_base=kit.base, connect=lambda _: ("127.0.0.1", kit.port), trust=trust
    )
    async with stand_in:
        yield stand_in


async def test_a_long_way_in_arrives_whole(plivo: PlivoStandIn, kit: TinyKit) -> None:
    way_in = f"{PLIVO.way_in}&X-Amz-Security-Token={'IQoJ%2Fb3JpZ2lu%2B' * 120}&a='\"<>"
    kit.plans["answer"] = (Connect(url=way_in.replace('"', "%22").replace("<>", "%3C%3E")), Next())
    line, bot, _ = await connected(plivo, kit)

    assert f"{WAY_IN}{bot.path}".startswith(f"{PLIVO.way_in}&X-Amz-Security-Token=IQoJ%2Fb3JpZ2lu%2B")
    assert len(bot.path) > 2000
    await line.hang_up()


async def test_a_calls_id_is_not_its_requests(plivo: PlivoStandIn, kit: TinyKit) -> None:
    request_id = await dial(kit, plivo)
    line = await plivo.next_dialed()
    ringing = await kit.told("events")

    assert ringing.call_id == line.call_id != request_id
    await line.reject("busy")


async def test_what_is_answered_is_not_taken_back_by_its_requests_id(plivo: PlivoStandIn, kit: TinyKit) -> None:
    request_id = await dial(kit, plivo)
    line = await plivo.next_dialed()
    await line.pick_up()
    await (await kit.bot()).hears("start")

    await asyncio.to_thread(
        PLIVO.carrier.hang_up, call_id=request_id, secret=SECRET, http=request, api_url=plivo.api_url
    )

    assert not line.ended.is_set(), "who hangs up must know the call's id from a webhook"
    await line.hang_up()


@pytest.mark.parametrize(
    ("element", "problem"),
    [
        (f"<Stream {STREAM}>https://a.example</Stream>", "wss"),
        (f"<Stream>{WAY_IN}</Stream>", "streams nothing but"),
        (f'<Stream bidirectional="true" contentType="audio/x-mulaw;rate=8000">{WAY_IN}</Stream>', "keepCallAlive"),
        (f'<Stream {STREAM} streamTimeout="0">{WAY_IN}</Stream>', "streamTimeout"),
        (f'<Stream {STREAM} url="{WAY_IN}"/>', "no attribute url"),
        ('<Record recordSession="true"/>', "after a minute"),
        ('<Record maxLength="900"/>', "a whole call"),
        ('<GetInput inputType="dtmf" numDigits="1" executionTimeout="4"/>', "5 to 60"),
        ("<Dial><Number>+4930901820</Number></Dial>", "no address"),
        ("<Dial><User>desk@example.com</User></Dial>", "no address"),
        ('<Redirect method="POST">/next</Redirect>', "not fully qualified"),
    ],
)
async def test_what_plivo_would_not_do(plivo: PlivoStandIn, kit: TinyKit, element: str, problem: str) -> None:
    kit.raw["answer"] = f"<Response>{element}</Response>"
    line = await plivo.call_in(caller=CALLER, called=CALLED)
    await ended(line)

    assert len(line.problems) == 1
    assert problem in line.problems[0]
    line.problems.clear()


async def test_whitespace_around_a_url_is_nothing(plivo: PlivoStandIn, kit: TinyKit) -> None:
    kit.raw["answer"] = f"<Response><Stream {STREAM}>\n    {escape(PLIVO.way_in)}\n  </Stream></Response>"
    line, bot, _ = await connected(plivo, kit)

    assert f"{WAY_IN}{bot.path}" == PLIVO.way_in
    await line.hang_up()


@pytest.mark.parametrize("changes", ["", '"to": "+4930901820",', '"colour": "blue",', '"machine_detection": "maybe",'])
async def test_the_call_api_refuses(plivo: PlivoStandIn, changes: str) -> None:
    order = f'{{"from": "15005550006", {changes} "answer_url": "https://voice.example/answer"}}'
    answer = await asyncio.to_thread(
        request,
        method="POST",
        url=f"{plivo.api_url}/v1/Account/{SECRET['authId']}/Call/",
        headers={
            "Authorization": basic_authorization(user=SECRET["authId"], password=SECRET["authToken"]),
            "Content-Type": "application/json",
        },
        body=order.encode(),
        timeout_seconds=10.0,
    )

    assert (answer.status, b'"error"' in answer.body, plivo.lines) == (400, True, {})
