"""A call from its ring to its end, with each carrier's stand-in between the carrier's module and a bot."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from pipecat.frames.frames import InputAudioRawFrame, InputDTMFFrame, InterruptionFrame, OutputAudioRawFrame
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.serializers.twilio import TwilioFrameSerializer

from shared.https_request import request
from telephony.carrier import CarrierError, DialOrder, StreamCarrier
from telephony.carriers import plivo, twilio
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Transfer
from tests.carriers.line import PhoneLine
from tests.carriers.media import MisuseError, ulaw_decode, ulaw_encode
from tests.carriers.plivo import PlivoStandIn
from tests.carriers.plivo import new_account as plivo_account
from tests.carriers.standin import CarrierStandIn
from tests.carriers.tiny_kit import WAY_IN, Bot, TinyKit
from tests.carriers.twilio import TwilioStandIn
from tests.carriers.twilio import new_account as twilio_account
from tests.models.certificates import Certificates

CALLER, CALLED = "+4930901820", "+15005550006"
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16).tobytes()
"""A second of it."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A carrier, and how a bot speaks to it: `audio`, `mark` and `clear` make messages, of a `start` message's ids."""

    carrier: StreamCarrier
    stand_in: Callable[..., CarrierStandIn]
    secret: Mapping[str, str]
    audio: Callable[[Mapping[str, Any], bytes], dict[str, Any]]
    mark: Callable[[Mapping[str, Any], str], dict[str, Any]]
    clear: Callable[[Mapping[str, Any]], dict[str, Any]]
    mark_event: str
    marks_of_dropped_audio: int
    farewell: str
    outbound_statuses: tuple[str, ...]
    way_in: str
    serializer: Callable[[Mapping[str, Any]], FrameSerializer]


def _payload(pcm: bytes) -> str:
    return base64.b64encode(ulaw_encode(pcm)).decode()


TWILIO = Dialect(
    carrier=twilio.CARRIER,
    stand_in=TwilioStandIn,
    secret=twilio_account(),
    audio=lambda start, pcm: {"event": "media", "streamSid": start["streamSid"], "media": {"payload": _payload(pcm)}},
    mark=lambda start, name: {"event": "mark", "streamSid": start["streamSid"], "mark": {"name": name}},
    clear=lambda start: {"event": "clear", "streamSid": start["streamSid"]},
    mark_event="mark",
    marks_of_dropped_audio=1,
    farewell="stop",
    outbound_statuses=("queued", "ringing", "answered", "completed"),
    way_in=f"{WAY_IN}/streams/eyJzIjoi.0123abcd",
    serializer=lambda start: TwilioFrameSerializer(
        stream_sid=start["streamSid"], params=TwilioFrameSerializer.InputParams(auto_hang_up=False, sample_rate=8000)
    ),
)
PLIVO = Dialect(
    carrier=plivo.CARRIER,
    stand_in=PlivoStandIn,
    secret=plivo_account(),
    audio=lambda _, pcm: {
        "event": "playAudio",
        "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": _payload(pcm)},
    },
    mark=lambda start, name: {"event": "checkpoint", "streamId": start["start"]["streamId"], "name": name},
    clear=lambda start: {"event": "clearAudio", "streamId": start["start"]["streamId"]},
    mark_event="playedStream",
    marks_of_dropped_audio=0,
    farewell="",
    outbound_statuses=("ringing", "completed"),
    way_in=f"{WAY_IN}/runtimes/arn%3Aaws/ws?qualifier=live&X-Amz-Credential=AKID%2F20261130&X-Amz-Signature=a%3D%3D",
    serializer=lambda start: PlivoFrameSerializer(
        stream_id=start["start"]["streamId"],
        params=PlivoFrameSerializer.InputParams(auto_hang_up=False, sample_rate=8000),
    ),
)


@pytest.fixture(params=[TWILIO, PLIVO], ids=lambda dialect: dialect.carrier.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    return chosen


@pytest.fixture
async def kit(dialect: Dialect, certificates: Certificates) -> AsyncIterator[TinyKit]:
    kit = TinyKit(carrier=dialect.carrier, secret=dialect.secret)
    kit.plans = {"answer": (Connect(url=dialect.way_in), Next()), "next": (HangUp(),)}
    async with kit.serve(certificates=certificates):
        yield kit


@pytest.fixture
async def carrier(dialect: Dialect, kit: TinyKit, trust: ssl.SSLContext) -> AsyncIterator[CarrierStandIn]:
    stand_in = dialect.stand_in(
        account=dialect.secret,
        webhook_base=kit.base,
        connect=lambda _: ("127.0.0.1", kit.port),
        trust=trust,
    )
    async with stand_in:
        yield stand_in


async def connected(carrier: CarrierStandIn, kit: TinyKit) -> tuple[PhoneLine, Bot, dict[str, Any]]:
    """A call that has come in, its bot, and the message that began their stream."""
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    bot = await kit.bot()
    return line, bot, await bot.hears("start")


async def ended(line: PhoneLine) -> None:
    async with asyncio.timeout(30):
        await line.ended.wait()


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
        kit.carrier.dial, order=order, secret=kit.secret, http=request, api_url=carrier.api_url
    )


async def test_a_call_comes_in_and_the_bot_ends_it(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.plans["answer"] = (
        Say(text="Welcome & <hello>"),
        Say(text="This call is recorded."),
        Record(),
        Connect(url=dialect.way_in),
        Next(),
    )
    line, bot, start = await connected(carrier, kit)

    assert line.said == ["Welcome & <hello>", "This call is recorded."]
    assert line.recorded
    answer = await kit.told("answer")
    assert (answer.call_id, answer.direction, answer.caller, answer.called) == (
        line.call_id,
        "inbound",
        CALLER,
        CALLED,
    )
    assert f"{WAY_IN}{bot.path}" == dialect.way_in, "the URL is called exactly as it was made"
    assert bot.headers["Host"] == "relay.switchboard.test"

    await line.send(TONE[:320])
    media = await bot.hears("media")
    assert base64.b64decode(media["media"]["payload"]) == ulaw_encode(TONE[:320])

    await bot.says(dialect.audio(start, TONE[:3200]), dialect.mark(start, "said"))
    await bot.hears(dialect.mark_event)
    heard = b"".join(line.heard.get_nowait().pcm for _ in range(line.heard.qsize()))
    assert heard == ulaw_decode(ulaw_encode(TONE[:3200]))

    await bot.closes()
    await ended(line)
    assert (await kit.told("next")).call_id == line.call_id
    event = await kit.told("events")
    assert (event.call_id, event.status, line.statuses) == (line.call_id, "completed", ["completed"])
    assert kit.refused == 0


async def test_the_caller_hangs_up(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot, _ = await connected(carrier, kit)

    await line.hang_up()

    async with asyncio.timeout(30):
        await bot.closed.wait()
    assert bot.close_code == 1000
    if dialect.farewell:
        assert bot.messages[-1]["event"] == dialect.farewell
    assert [kind for kind, _ in kit.webhooks] == ["answer", "events"], "nothing is asked after a hang-up"
    assert (await kit.told("events")).status == "completed"
    await line.hang_up()
    assert line.statuses == ["completed"], "a call ends once"


async def test_the_function_hangs_up(carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot, _ = await connected(carrier, kit)

    for _ in range(2):
        await asyncio.to_thread(
            kit.carrier.hang_up, call_id=line.call_id, secret=kit.secret, http=request, api_url=carrier.api_url
        )
        await ended(line)

    async with asyncio.timeout(30):
        await bot.closed.wait()
    assert (await kit.told("events")).status == "completed"


async def test_the_bot_takes_back_what_has_not_sounded(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot, start = await connected(carrier, kit)
    await bot.says(dialect.audio(start, TONE * 30), dialect.mark(start, "never heard out"))
    async with asyncio.timeout(30):
        await line.heard.get()

    await bot.says(dialect.clear(start), dialect.audio(start, TONE[:640]), dialect.mark(start, "heard out"))
    await bot.hears(dialect.mark_event, times=1 + dialect.marks_of_dropped_audio)

    assert line.cleared == 1
    names = [message.get("name") or message["mark"]["name"] for message in bot.of(dialect.mark_event)]
    assert names == [*["never heard out"] * dialect.marks_of_dropped_audio, "heard out"]
    assert line.heard.qsize() < 29 * 50, "of thirty seconds at most one was heard"
    await line.hang_up()


async def test_pipecat_understands_and_is_understood(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot, start = await connected(carrier, kit)
    serializer = dialect.serializer(start)
    await serializer.setup(cast(Any, None))

    await line.send(TONE[:320])
    await line.press("7")
    spoken = await serializer.deserialize(json.dumps(await bot.hears("media")))
    pressed = await serializer.deserialize(json.dumps(await bot.hears("dtmf")))
    assert isinstance(spoken, InputAudioRawFrame)
    assert (spoken.audio, spoken.sample_rate) == (ulaw_decode(ulaw_encode(TONE[:320])), 8000)
    assert isinstance(pressed, InputDTMFFrame)
    assert pressed.button.value == "7"

    for frame in (OutputAudioRawFrame(audio=TONE, sample_rate=8000, num_channels=1), InterruptionFrame()):
        message = await serializer.serialize(frame)
        assert message is not None
        await bot.says_raw(message)
    await bot.says(dialect.mark(start, "after the interruption"))
    await bot.hears(dialect.mark_event)
    assert line.cleared == 1
    await line.hang_up()


async def test_keys_reach_the_bot(carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, bot, _ = await connected(carrier, kit)

    for key in "4#":
        await line.press(key)

    await bot.hears("dtmf", times=2)
    assert [message["dtmf"]["digit"] for message in bot.of("dtmf")] == ["4", "#"]
    await line.hang_up()


@pytest.mark.parametrize("key", ["1", "2", ""])
async def test_a_question_is_answered_by_a_key_or_silence(carrier: CarrierStandIn, kit: TinyKit, key: str) -> None:
    kit.plans |= {"answer": (Ask(question="May this be recorded?"),), "consent": (HangUp(),)}
    line = await carrier.call_in(caller=CALLER, called=CALLED)

    await (line.press(key) if key else line.stay_silent())

    await ended(line)
    assert line.said == ["May this be recorded?"]
    assert (await kit.told("consent")).digit == key


async def test_a_call_is_transferred_until_somebody_hangs_up(carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.plans["next"] = (Transfer(target="+49891234567"),)
    line, bot, _ = await connected(carrier, kit)
    await bot.closes()
    async with asyncio.timeout(30):
        await line.transferred.wait()

    assert (line.transferred_to, line.ended.is_set()) == ("+49891234567", False)
    await line.hang_up()
    assert (await kit.told("events")).status == "completed"


async def test_a_call_is_transferred_to_a_sip_address(carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.plans["answer"] = (Transfer(target="sip:desk@example.com"),)
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    async with asyncio.timeout(30):
        await line.transferred.wait()

    assert line.transferred_to == "sip:desk@example.com"
    await line.hang_up()


async def test_a_stream_that_is_refused_leads_on(carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.refuses = 403
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    await ended(line)

    assert (await kit.told("next")).call_id == line.call_id
    assert line.problems == ["the stream could not be opened: HTTP 403"]
    line.problems.clear()


async def test_a_stream_to_nobody_leads_on(carrier: CarrierStandIn, kit: TinyKit) -> None:
    carrier.connect = lambda _: ("127.0.0.1", 9)
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    await ended(line)

    await kit.told("next")
    assert line.problems == ["the stream could not be opened: ConnectionRefusedError"]
    line.problems.clear()


async def test_a_certificate_for_another_name_is_refused(
    dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit
) -> None:
    kit.plans["answer"] = (Connect(url="wss://relay.example.com/x"), Next())
    line = await carrier.call_in(caller=CALLER, called=CALLED)
    await ended(line)

    assert line.problems == ["the stream could not be opened: SSLCertVerificationError"]
    line.problems.clear()


async def test_what_the_bot_must_not_send_ends_the_call(carrier: CarrierStandIn, kit: TinyKit) -> None:
    for wrong in ("no json", b"\0\1", '{"event": "pause"}', '{"event": "media", "media": {}}'):
        line, bot, _ = await connected(carrier, kit)
        await bot.says_raw(wrong)
        await ended(line)

        assert len(line.problems) == 1, wrong
        line.problems.clear()


async def test_a_document_of_unknown_elements_is_not_begun(carrier: CarrierStandIn, kit: TinyKit) -> None:
    hang_up = "<Hangup/>"
    for wrong in (
        f"<Response><Teleport/>{hang_up}</Response>",
        f'<Response><Redirect loop="2">https://a.example</Redirect>{hang_up}</Response>',
        f"<Response><Dial><Hangup/></Dial>{hang_up}</Response>",
        f"<Answer>{hang_up}</Answer>",
        "<Response>",
    ):
        kit.raw["answer"] = wrong
        line = await carrier.call_in(caller=CALLER, called=CALLED)
        await ended(line)

        assert len(line.problems) == 1, wrong
        line.problems.clear()


async def test_a_call_that_the_webhook_refuses_does_not_come_about(carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.secret = {**kit.secret, "authToken": "another"}

    with pytest.raises(MisuseError, match="HTTP 403 from the webhook"):
        await carrier.call_in(caller=CALLER, called=CALLED)
    assert (kit.refused, kit.webhooks) == (1, [])


async def test_a_webhook_can_be_sent_again(carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, _, _ = await connected(carrier, kit)
    (first,) = carrier.sent

    again = await carrier.post(url=first.url, headers=first.headers, body=first.body)

    one, other = kit.of("answer")
    assert again.status == 200, "the tiny kit remembers nothing"
    assert one.replay_key == other.replay_key
    await line.hang_up()


async def test_our_call_is_answered(dialect: Dialect, carrier: CarrierStandIn, kit: TinyKit) -> None:
    await dial(kit, carrier)
    line = await carrier.next_dialed()
    assert (line.direction, line.caller, line.called) == ("outbound", CALLED, CALLER)
    await line.pick_up()
    bot = await kit.bot()
    await bot.hears("start")

    answer = await kit.told("answer")
    assert (answer.call_id, answer.direction, answer.caller, answer.called, answer.status) == (
        *(line.call_id, "outbound", CALLER, CALLED),
        "answered",
    )
    assert kit.of("machine") == [], "nobody has asked"
    await bot.closes()
    await ended(line)
    assert tuple(webhook.status for webhook in kit.of("events")) == dialect.outbound_statuses
    assert all(sent.url.endswith(kit.query) for sent in carrier.sent), "also the webhook of what comes next"
    assert {webhook.call_id for _, webhook in kit.webhooks} == {line.call_id}


@pytest.mark.parametrize("answered_by", ["human", "machine"])
async def test_who_has_answered_is_told(carrier: CarrierStandIn, kit: TinyKit, answered_by: Any) -> None:
    await dial(kit, carrier, machine_detection=True)
    line = await carrier.next_dialed()
    await line.pick_up(answered_by)

    told = await kit.told("machine")
    assert (told.machine, told.call_id, told.direction) == (answered_by, line.call_id, "outbound")
    await line.hang_up()


@pytest.mark.parametrize("reason", ["busy", "no-answer", "failed"])
async def test_our_call_is_not_answered(carrier: CarrierStandIn, kit: TinyKit, reason: Any) -> None:
    await dial(kit, carrier)
    line = await carrier.next_dialed()

    await line.reject(reason)

    assert [webhook.status for _, webhook in kit.webhooks][-1] == reason
    assert kit.of("answer") == []


async def test_our_call_is_taken_back_while_it_rings(carrier: CarrierStandIn, kit: TinyKit) -> None:
    call_id = await dial(kit, carrier)
    line = await carrier.next_dialed()
    await kit.told("events")

    await asyncio.to_thread(
        kit.carrier.hang_up, call_id=call_id, secret=kit.secret, http=request, api_url=carrier.api_url
    )

    await ended(line)
    assert line.statuses[-1] == "canceled"
    assert [webhook.status for _, webhook in kit.webhooks][-1] == "canceled"


async def test_the_api_refuses_a_stranger(carrier: CarrierStandIn, kit: TinyKit) -> None:
    kit.secret = {**kit.secret, "authToken": "another"}

    with pytest.raises(CarrierError, match="HTTP 401") as caught:
        await dial(kit, carrier)
    assert not caught.value.carried_out
    with pytest.raises(CarrierError, match="HTTP 401"):
        await asyncio.to_thread(
            kit.carrier.hang_up,
            call_id=carrier.new_call_id(),
            secret=kit.secret,
            http=request,
            api_url=carrier.api_url,
        )


async def test_the_api_refuses_what_is_no_number(carrier: CarrierStandIn, kit: TinyKit) -> None:
    with pytest.raises(CarrierError, match="HTTP 400") as caught:
        await dial(kit, carrier, to="+0123")
    assert not caught.value.carried_out


async def test_a_call_that_is_not_there_has_ended(carrier: CarrierStandIn, kit: TinyKit) -> None:
    await asyncio.to_thread(
        kit.carrier.hang_up,
        call_id=carrier.new_call_id(),
        secret=kit.secret,
        http=request,
        api_url=carrier.api_url,
    )


async def test_a_problem_that_nobody_looked_at_fails_the_test(carrier: CarrierStandIn, kit: TinyKit) -> None:
    line, _, _ = await connected(carrier, kit)
    line.problems.append("something")

    with pytest.raises(AssertionError, match="something"):
        await line.close()
    line.problems.clear()
