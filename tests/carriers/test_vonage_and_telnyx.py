"""What the stand-ins of Vonage and Telnyx carry out, and what they refuse, between the carrier's module and a bot."""

import asyncio
import base64
import functools
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import pytest
from pipecat.frames.frames import InputAudioRawFrame, InputDTMFFrame, InterruptionFrame
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.telnyx import TelnyxFrameSerializer
from pipecat.serializers.vonage import VonageFrameSerializer

from shared.https_request import request as https_request
from telephony.carrier import CarrierError, DialOrder, StartsRecordings, StreamCarrier
from telephony.carriers import telnyx, vonage
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Transfer
from tests.carriers.line import PhoneLine
from tests.carriers.media import MisuseError, ulaw_encode
from tests.carriers.standin import CarrierStandIn
from tests.carriers.tiny_kit import PATIENCE_SECONDS, WAY_IN, Bot, TinyKit
from tests.models.certificates import Certificates

CALLER, CALLED, DESK = "+14155550100", "+12025550103", "+12025550199"
SIGNED = f"{WAY_IN}/runtimes/arn%3Aaws/ws?qualifier=live&X-Amz-Credential=AKID%2F20261130&X-Amz-Signature=a%3D%3D"


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A carrier, and how a bot speaks to it: `audio` makes messages of PCM, `of_audio` finds the caller's in one."""

    carrier: StreamCarrier
    sample_rate: int
    begins: str
    audio: Callable[[bytes], list[str | bytes]]
    of_audio: Callable[[Any], bytes | None]
    clear: str
    clear_answers: tuple[str, ...]
    digit_of: Callable[[Any], str | None]
    mark: str
    mark_event: str
    inbound_statuses: tuple[str, ...]
    serializer: Callable[[], FrameSerializer]


def _telnyx_media(pcm: bytes) -> list[str | bytes]:
    payload = base64.b64encode(ulaw_encode(pcm)).decode()
    return [json.dumps({"event": "media", "media": {"payload": payload}})]


VONAGE = Dialect(
    carrier=vonage.CARRIER,
    sample_rate=16_000,
    begins="websocket:connected",
    audio=lambda pcm: [pcm[at : at + 640] for at in range(0, len(pcm), 640)],
    of_audio=lambda message: message if isinstance(message, bytes) else None,
    clear='{"action": "clear"}',
    clear_answers=("websocket:cleared",),
    digit_of=lambda message: message["digit"],
    mark='{"action": "notify", "payload": {"said": "all"}}',
    mark_event="websocket:notify",
    inbound_statuses=("queued", "ringing", "answered", "completed"),
    serializer=lambda: VonageFrameSerializer(VonageFrameSerializer.InputParams(sample_rate=16_000)),
)
TELNYX = Dialect(
    carrier=telnyx.CARRIER,
    sample_rate=8000,
    begins="start",
    audio=_telnyx_media,
    of_audio=lambda message: base64.b64decode(message["media"]["payload"]) if message["event"] == "media" else None,
    clear='{"event": "clear"}',
    clear_answers=(),
    digit_of=lambda message: message["dtmf"]["digit"],
    mark='{"event": "mark", "mark": {"name": "all"}}',
    mark_event="mark",
    inbound_statuses=("queued", "answered", "completed"),
    serializer=lambda: TelnyxFrameSerializer(
        stream_id="1",
        outbound_encoding="PCMU",
        inbound_encoding="PCMU",
        params=TelnyxFrameSerializer.InputParams(auto_hang_up=False, sample_rate=8000),
    ),
)
DIGIT_EVENTS = {"vonage": "websocket:dtmf", "telnyx": "dtmf"}


@functools.cache
def account_of(carrier: str) -> dict[str, str]:
    account: dict[str, str] = import_module(f"tests.carriers.{carrier}").new_account()
    return account


def secret_in(account: dict[str, str], dialect: Dialect) -> dict[str, str]:
    return {name: account[name] for name in dialect.carrier.secret_fields}


@pytest.fixture(params=[VONAGE, TELNYX], ids=lambda dialect: dialect.carrier.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    return chosen


@pytest.fixture
async def kit(dialect: Dialect, certificates: Certificates) -> AsyncIterator[TinyKit]:
    kit = TinyKit(carrier=dialect.carrier, secret=secret_in(account_of(dialect.carrier.name), dialect))
    kit.plans = {"answer": (Connect(url=SIGNED), Next()), "next": (HangUp(),)}
    async with kit.serve(certificates=certificates):
        yield kit


@pytest.fixture
async def carrier(dialect: Dialect, kit: TinyKit, trust: ssl.SSLContext) -> AsyncIterator[CarrierStandIn]:
    name = dialect.carrier.name
    stand_in: CarrierStandIn = getattr(import_module(f"tests.carriers.{name}"), f"{name.title()}StandIn")(
        account=account_of(name),
        webhook_base=kit.base,
        connect=lambda _: ("127.0.0.1", kit.port),
        trust=trust,
    )
    async with stand_in:
        yield stand_in


async def within[T](awaited: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await awaited


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not fact():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def connected(carrier: CarrierStandIn, kit: TinyKit, dialect: Dialect) -> tuple[PhoneLine, Bot]:
    """A call that has come in, and its bot, to which the stream's first message has come."""
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    bot = await kit.bot()
    await bot.hears(dialect.begins)
    await within(line.streaming.wait())
    return line, bot


async def dial(kit: TinyKit, carrier: CarrierStandIn, *, to: str = CALLER, machine_detection: bool = False) -> str:
    """Place a call as the function does."""
    kit.query = "call=c1&proof=0123456789abcdef"
    order = DialOrder(
        to=to,
        from_=CALLED,
        call="c1",
        urls=kit.urls(f"?{kit.query}"),
        machine_detection=machine_detection,
        max_call_seconds=900,
    )
    return await asyncio.to_thread(
        kit.carrier.dial, order=order, secret=kit.secret, http=https_request, api_url=carrier.api_url
    )


async def hang_up(kit: TinyKit, carrier: CarrierStandIn, call_id: str) -> None:
    await asyncio.to_thread(
        kit.carrier.hang_up, call_id=call_id, secret=kit.secret, http=https_request, api_url=carrier.api_url
    )


def statuses(kit: TinyKit) -> tuple[str, ...]:
    """What became of the call itself, as its events told it."""
    return tuple(webhook.status for webhook in kit.of("events") if webhook.status)


async def test_a_call_comes_in_and_the_bot_ends_it(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.plans["answer"] = (Say(text="Welcome & <hello>"), Connect(url=SIGNED), Next())
    line, bot = await connected(carrier, kit, dialect)
    assert f"{WAY_IN}{bot.path}" == SIGNED, "the URL is called exactly as it was made"
    assert line.said == ["Welcome & <hello>"]
    assert line.sample_rate == dialect.sample_rate

    await bot.closes()
    await within(line.ended.wait())

    answer, following = await kit.told("answer"), await kit.told("next")
    assert (answer.direction, answer.caller, answer.called) == ("inbound", CALLER, CALLED)
    assert following.call_id == answer.call_id == line.call_id
    assert statuses(kit) == dialect.inbound_statuses
    assert {webhook.call_id for webhook in kit.of("events") if webhook.status} == {line.call_id}
    assert len({webhook.replay_key for _, webhook in kit.webhooks}) == len(kit.webhooks), "none would be a replay"
    assert kit.refused == 0


async def test_the_caller_hangs_up(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot = await connected(carrier, kit, dialect)

    await within(line.hang_up())

    await within(bot.closed.wait())
    assert bot.close_code == 1000
    assert bool(bot.of("stop")) == (dialect is TELNYX)
    assert kit.of("next") == [], "nobody is left to ask for"
    assert statuses(kit) == dialect.inbound_statuses


async def test_both_hear_each_other(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot = await connected(carrier, kit, dialect)
    said = b"\x00\x20" * (dialect.sample_rate // 50)
    for _ in range(5):
        await line.send(said)

    await until(lambda: len([1 for message in bot.messages if dialect.of_audio(message)]) == 5)
    for message in dialect.audio(said * 5):
        await bot.says_raw(message)
    await bot.says_raw(dialect.mark)
    await bot.hears(dialect.mark_event)

    sounded = b"".join(line.heard.get_nowait().pcm for _ in range(line.heard.qsize()))
    assert len(sounded) == 5 * len(said)
    assert all(abs(sample - 0x2000) < 200 for sample in memoryview(sounded).cast("h"))
    await line.hang_up()


async def test_barge_in_takes_back_what_has_not_sounded(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit
) -> None:
    line, bot = await connected(carrier, kit, dialect)
    for message in dialect.audio(b"\x00\x20" * dialect.sample_rate * 20):
        await bot.says_raw(message)
    await within(line.heard.get())

    await bot.says_raw(dialect.clear)
    for event in dialect.clear_answers:
        await bot.hears(event)
    await bot.says_raw(dialect.mark)
    await bot.hears(dialect.mark_event)

    assert line.cleared == 1
    assert line.heard.qsize() < 19 * 50, "of twenty seconds at most one was heard"
    await line.hang_up()


async def test_pipecat_understands_and_is_understood(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot = await connected(carrier, kit, dialect)
    serializer = dialect.serializer()
    await serializer.setup(cast(Any, None))
    event = DIGIT_EVENTS[dialect.carrier.name]

    await line.send(b"\x00\x20" * (dialect.sample_rate // 50))
    await line.press("7")
    pressed = await serializer.deserialize(json.dumps(await bot.hears(event)))
    first = next(message for message in bot.messages if dialect.of_audio(message))
    spoken = await serializer.deserialize(first if isinstance(first, bytes) else json.dumps(first))
    assert isinstance(spoken, InputAudioRawFrame)
    assert len(spoken.audio) == dialect.sample_rate // 25
    assert isinstance(pressed, InputDTMFFrame)
    assert pressed.button.value == "7"

    cleared = await serializer.serialize(InterruptionFrame())
    assert cleared is not None
    await bot.says_raw(cleared)
    await until(lambda: line.cleared == 1)
    await line.hang_up()


async def test_keys_reach_the_bot(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot = await connected(carrier, kit, dialect)
    event = DIGIT_EVENTS[dialect.carrier.name]
    for key in "4#":
        await line.press(key)

    await bot.hears(event, times=2)
    assert [dialect.digit_of(message) for message in bot.of(event)] == ["4", "#"]
    await line.hang_up()


@pytest.mark.parametrize("target", [DESK, "sip:desk@example.com"])
async def test_a_call_is_transferred_until_somebody_hangs_up(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit, target: str
) -> None:
    kit.plans["next"] = (Transfer(target=target),)
    line, bot = await connected(carrier, kit, dialect)
    await bot.closes()
    await within(line.transferred.wait())

    assert (line.transferred_to, line.ended.is_set()) == (target, False)
    assert "completed" not in statuses(kit)
    await within(line.hang_up())
    assert statuses(kit) == dialect.inbound_statuses, "the transfer's leg ends for itself"


@pytest.mark.parametrize("key", ["1", "2", ""])
async def test_a_question_is_answered_by_a_key_or_silence(carrier: CarrierStandIn, kit: TinyKit, key: str) -> None:
    kit.plans |= {"answer": (Ask(question="May this be recorded?"),), "consent": (HangUp(),)}
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    await (line.press(key) if key else line.stay_silent())
    await within(line.ended.wait())

    assert line.said == ["May this be recorded?"]
    consent = await kit.told("consent")
    assert (consent.digit, consent.call_id) == (key, line.call_id)


async def test_a_recording_is_a_step_or_a_request(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.plans["answer"] = (Record(), Connect(url=SIGNED), Next())
    line, _ = await connected(carrier, kit, dialect)
    if isinstance(kit.carrier, StartsRecordings):
        assert not line.recorded
        await asyncio.to_thread(
            kit.carrier.start_recording,
            call_id=line.call_id,
            secret=kit.secret,
            http=https_request,
            api_url=carrier.api_url,
        )
    assert line.recorded
    await line.hang_up()
    assert kit.refused == 0, "what is told of the recording is signed too"


async def test_our_call_is_answered_by_a_machine_and_we_end_it(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit
) -> None:
    call_id = await dial(kit, carrier, machine_detection=True)
    line = await carrier.next_dialed()
    assert (line.caller, line.called, line.call_id) == (CALLED, CALLER, call_id)
    await line.pick_up("machine")
    await (await kit.bot()).hears(dialect.begins)
    await until(lambda: [webhook for _, webhook in kit.webhooks if webhook.machine])
    await hang_up(kit, carrier, call_id)
    await within(line.ended.wait())
    await hang_up(kit, carrier, call_id)

    answer = await kit.told("answer")
    assert (answer.direction, answer.caller, answer.called) == ("outbound", CALLER, CALLED)
    assert [webhook.machine for _, webhook in kit.webhooks if webhook.machine] == ["machine"]
    assert statuses(kit) == ("queued", "ringing", "answered", "completed")
    assert all(kit.query in sent.url for sent in carrier.sent), "also the webhook of what comes next"


async def test_our_call_is_transferred(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.plans["next"] = (Transfer(target=DESK),)
    await dial(kit, carrier)
    line = await carrier.next_dialed()
    await line.pick_up()
    bot = await kit.bot()
    await bot.hears(dialect.begins)
    await bot.closes()
    await within(line.transferred.wait())
    await within(line.hang_up())

    assert statuses(kit) == ("queued", "ringing", "answered", "completed"), "the transfer's leg goes out too"


async def test_nobody_has_asked_who_answers(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    await dial(kit, carrier)
    line = await carrier.next_dialed()
    await line.pick_up("machine")
    bot = await kit.bot()
    await bot.hears(dialect.begins)
    await bot.closes()
    await within(line.ended.wait())

    assert not [webhook for _, webhook in kit.webhooks if webhook.machine]
    assert (await kit.told("next")).direction == "outbound"


@pytest.mark.parametrize("reason", ["busy", "no-answer", "failed"])
async def test_our_call_is_not_answered(carrier: CarrierStandIn, kit: TinyKit, reason: Any) -> None:
    await dial(kit, carrier)
    line = await carrier.next_dialed()
    await within(line.reject(reason))

    assert statuses(kit) == ("queued", "ringing", reason)
    assert kit.of("answer") == []


async def test_our_call_is_taken_back_while_it_rings(carrier: CarrierStandIn, kit: TinyKit) -> None:
    call_id = await dial(kit, carrier)
    line = await carrier.next_dialed()
    await hang_up(kit, carrier, call_id)
    await within(line.ended.wait())

    assert statuses(kit)[-1] == "canceled"


async def test_a_call_that_is_not_there_has_ended(carrier: CarrierStandIn, kit: TinyKit) -> None:
    await hang_up(kit, carrier, carrier.new_call_id())


@pytest.mark.parametrize(
    ("dialect", "field"),
    [
        pytest.param(VONAGE, "applicationId", id="vonage, another application"),
        pytest.param(VONAGE, "privateKey", id="vonage, another key"),
        pytest.param(TELNYX, "apiKey", id="telnyx, another key"),
    ],
    indirect=["dialect"],
)
async def test_the_api_refuses_a_stranger(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit, field: str) -> None:
    stranger = import_module(f"tests.carriers.{dialect.carrier.name}").new_account()
    kit.secret = {**kit.secret, field: stranger[field]}
    with pytest.raises(CarrierError) as caught:
        await dial(kit, carrier)
    assert (caught.value.status, caught.value.carried_out) == (401, False)


@pytest.mark.parametrize("number", ["", "+1", "tel:+14155550100", "+0123456789"])
async def test_the_api_refuses_what_is_no_number(carrier: CarrierStandIn, kit: TinyKit, number: str) -> None:
    with pytest.raises(CarrierError) as caught:
        await dial(kit, carrier, to=number)
    assert caught.value.status in (400, 422)
    assert not caught.value.carried_out


async def test_a_call_that_the_webhook_refuses_does_not_come_about(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit
) -> None:
    kit.secret = secret_in(import_module(f"tests.carriers.{dialect.carrier.name}").new_account(), dialect)
    with pytest.raises(MisuseError, match="HTTP 403 from the webhook"):
        await carrier.call_in(caller=CALLER, called=CALLED)
    assert kit.webhooks == []


async def test_a_stream_that_is_refused_leads_on(carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.refuses = 403
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    await within(line.ended.wait())

    assert (await kit.told("next")).call_id == line.call_id
    assert line.problems == ["the stream could not be opened: HTTP 403"]
    assert len({webhook.replay_key for _, webhook in kit.webhooks}) == len(kit.webhooks), "within one second, too"
    line.problems.clear()


NCCOS: dict[str, object] = {
    "no JSON": "hello",
    "no list": {"action": "talk", "text": "hello"},
    "an unknown action": [{"action": "dance"}],
    "an unknown field": [{"action": "talk", "text": "hello", "voice": "alice"}],
    "no text": [{"action": "talk", "text": ""}],
    "barge-in without a question": [{"action": "talk", "text": "hello", "bargeIn": True}],
    "a query as a URL": [{"action": "notify", "payload": {}, "eventUrl": ["?x"]}],
    "no payload": [{"action": "notify", "eventUrl": ["http://127.0.0.1/"]}],
    "a plain WebSocket": [
        {
            "action": "connect",
            "endpoint": [{"type": "websocket", "uri": "ws://127.0.0.1/", "content-type": "audio/l16;rate=16000"}],
        }
    ],
    "no sample rate": [{"action": "connect", "endpoint": [{"type": "websocket", "uri": "wss://127.0.0.1/"}]}],
    "large headers": [
        {
            "action": "connect",
            "endpoint": [
                {
                    "type": "websocket",
                    "uri": "wss://127.0.0.1/",
                    "content-type": "audio/l16;rate=16000",
                    "headers": {"a": "x" * 512},
                }
            ],
        }
    ],
    "a call from nobody": [{"action": "connect", "endpoint": [{"type": "phone", "number": "12025550199"}]}],
    "a plus": [
        {"action": "connect", "randomFromNumber": True, "endpoint": [{"type": "phone", "number": "+12025550199"}]}
    ],
    "hours": [
        {
            "action": "connect",
            "limit": 7201,
            "randomFromNumber": True,
            "endpoint": [{"type": "phone", "number": "12025550199"}],
        }
    ],
}
AUDIO = 'codec="PCMU" bidirectionalMode="rtp" bidirectionalCodec="PCMU"'
STREAM = f'<Connect><Stream url="wss://127.0.0.1/" {AUDIO} {{}}/></Connect>'
TEXML = {
    "no document": "hello",
    "another root": "<Answer/>",
    "an unknown verb": "<Response><Dance/></Response>",
    "an unknown attribute": '<Response><Say text="hello"/></Response>',
    "nothing said": "<Response><Say/></Response>",
    "a language that the voice does not know": '<Response><Say language="de-DE">Guten Tag</Say></Response>',
    "a recording beside the stream": "<Response><Start><Recording/></Start></Response>",
    "a plain WebSocket": f"<Response>{STREAM.replace('wss', 'ws').format('')}</Response>",
    "the other side's audio": f"<Response>{STREAM.format('track="both_tracks"')}</Response>",
    "files instead of audio": f"<Response>{STREAM.replace('rtp', 'mp3').format('')}</Response>",
    "no address": "<Response><Dial><Number>desk</Number></Dial></Response>",
    "two addresses": "<Response><Dial><Sip>sip:a@b.c</Sip><Sip>sip:d@b.c</Sip></Dial></Response>",
    "a minute": '<Response><Dial timeLimit="59"><Number>+12025550199</Number></Dial></Response>',
    "a relative URL": "<Response><Redirect>/next</Redirect></Response>",
}


async def assert_not_carried_out(carrier: CarrierStandIn, kit: TinyKit, document: str) -> None:
    kit.raw["answer"] = document
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    await within(line.ended.wait())
    assert len(line.problems) == 1
    line.problems.clear()


@pytest.mark.parametrize("dialect", [VONAGE], ids=["vonage"], indirect=True)
async def test_what_no_ncco_is_and_none_may_hold(carrier: CarrierStandIn, kit: TinyKit) -> None:
    for name, ncco in NCCOS.items():
        document = json.dumps(ncco) if not isinstance(ncco, str) else ncco
        try:
            await assert_not_carried_out(carrier, kit, document)
        except AssertionError as error:
            raise AssertionError(name) from error


@pytest.mark.parametrize("dialect", [TELNYX], ids=["telnyx"], indirect=True)
async def test_what_no_texml_is_and_none_may_hold(carrier: CarrierStandIn, kit: TinyKit) -> None:
    for name, texml in TEXML.items():
        try:
            await assert_not_carried_out(carrier, kit, texml)
        except AssertionError as error:
            raise AssertionError(name) from error


@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        pytest.param(VONAGE, b"\0" * 320, id="vonage, 10 ms"),
        pytest.param(VONAGE, b"\0" * 1280, id="vonage, 40 ms"),
        pytest.param(VONAGE, '{"action": "dance"}', id="vonage, an unknown action"),
        pytest.param(VONAGE, "clear", id="vonage, no JSON"),
        pytest.param(TELNYX, b"\0" * 160, id="telnyx, bytes"),
        pytest.param(TELNYX, '{"event": "dance"}', id="telnyx, an unknown event"),
        pytest.param(TELNYX, '{"event": "clear", "stream_id": "another"}', id="telnyx, another stream"),
        pytest.param(TELNYX, '{"event": "media", "media": {"payload": "AAAA"}}', id="telnyx, 0.4 ms"),
        pytest.param(TELNYX, '{"event": "media", "media": {"payload": "no"}}', id="telnyx, no Base64"),
    ],
    indirect=["dialect"],
)
async def test_what_the_bot_must_not_send_ends_the_call(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit, message: str | bytes
) -> None:
    line, bot = await connected(carrier, kit, dialect)
    await bot.says_raw(message)
    await within(line.ended.wait())

    assert len(line.problems) == 1
    assert bool(bot.of("error")) == (dialect is TELNYX)
    line.problems.clear()


@pytest.mark.parametrize("dialect", [VONAGE], ids=["vonage"], indirect=True)
async def test_vonage_keeps_only_so_much_audio(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.carriers.vonage.BUFFERED_MESSAGES", 100)
    line, bot = await connected(carrier, kit, dialect)
    for message in dialect.audio(b"\0" * 640 * 200):
        await bot.says_raw(message)
    await within(line.ended.wait())

    assert line.problems == ["the bot is more than 100 messages of audio ahead"]
    line.problems.clear()


@pytest.mark.parametrize("dialect", [TELNYX], ids=["telnyx"], indirect=True)
async def test_a_stream_that_telnyx_would_open_once_more(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit
) -> None:
    stream = STREAM.format("").replace("wss://127.0.0.1/", SIGNED.replace("&", "&amp;"))
    kit.raw["answer"] = f"<Response>{stream}<Hangup/></Response>"
    line, bot = await connected(carrier, kit, dialect)
    await bot.closes()
    await within(line.ended.wait())

    (problem,) = line.problems
    assert "enableReconnect" in problem
    line.problems.clear()
