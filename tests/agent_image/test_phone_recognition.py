"""How a carrier is recognised: from its own messages, in bounded time, and without taking what comes behind."""

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments
from starlette.websockets import WebSocket

from call_socket import CallSocket
from calls import RefusalError
from custom_headers import PHONE_HEADER, HeaderError
from phone import PhoneCall, PhoneStream, phone_call, recognition
from phone.header import read_phone_call
from phone.marks import are_last_words_played, last_words_mark
from phone.recognition import recognise
from tests.agent_image.phone_line import CarrierProtocol, Mark, Plivo, Telnyx, Twilio, Vonage

CALL = {"carrier": "twilio", "direction": "inbound", "caller": "0123456789abcdef", "transfer": True}
MEDIA = {"type": "websocket.receive", "text": '{"event":"media"}'}
_MOST_REASON_BYTES = 123
_NAMES = (
    "event",
    "start",
    "stop",
    "connected",
    "streamSid",
    "callSid",
    "streamId",
    "callId",
    "stream_id",
    "content-type",
)
_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(_NAMES)
_OBJECTS = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES) | st.text(), inner, max_size=5),
    max_leaves=12,
)
GARBAGE = st.text() | st.binary() | _OBJECTS.map(json.dumps)


async def stream(*messages: str | bytes) -> tuple[WebSocket, asyncio.Queue[Any]]:
    """A connection on which these messages wait, and media right behind them."""
    waiting: asyncio.Queue[Any] = asyncio.Queue()
    waiting.put_nowait({"type": "websocket.connect"})
    for message in messages:
        waiting.put_nowait({"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message})
    waiting.put_nowait(MEDIA)

    async def send(_: Any) -> None:
        """Nobody listens."""

    websocket = WebSocket({"type": "websocket", "headers": []}, receive=waiting.get, send=send)
    await websocket.accept()
    return websocket, waiting


@pytest.mark.parametrize(
    ("carrier", "found"),
    [
        (Twilio(), PhoneStream(carrier="twilio", stream_id="MZ1", encoding="PCMU", sample_rate=8_000)),
        (Plivo(), PhoneStream(carrier="plivo", stream_id="20170ada", encoding="PCMU", sample_rate=8_000)),
        (Telnyx(), PhoneStream(carrier="telnyx", stream_id="32DE0DEA", encoding="PCMU", sample_rate=8_000)),
        (
            Telnyx(encoding="PCMA"),
            PhoneStream(carrier="telnyx", stream_id="32DE0DEA", encoding="PCMA", sample_rate=8_000),
        ),
        (Vonage(), PhoneStream(carrier="vonage", stream_id="", encoding="L16", sample_rate=16_000)),
        (Vonage(rate=24_000), PhoneStream(carrier="vonage", stream_id="", encoding="L16", sample_rate=24_000)),
    ],
)
async def test_a_carrier_is_recognised_and_its_first_media_is_left_to_the_pipeline(
    carrier: CarrierProtocol, found: PhoneStream
) -> None:
    websocket, waiting = await stream(*carrier.preface, carrier.start())

    assert await recognise(websocket, carrier=carrier.name) == found
    assert waiting.get_nowait() == MEDIA


@pytest.mark.parametrize(
    ("carrier", "messages", "reason"),
    [
        ("twilio", [Plivo().start()], "this is a stream of plivo, but its URL was signed for twilio"),
        ("plivo", [*Twilio().preface, Twilio().start()], "a stream of twilio, but its URL was signed for plivo"),
        ("twilio", [*Twilio().preface, *Twilio().preface, Twilio().start()], "this is no carrier's stream"),
        ("twilio", [*Twilio().preface, b""], "this is no carrier's stream"),
        ("vonage", [b"\0" * 640], "this is no carrier's stream; allowed are those of plivo, telnyx, twilio, vonage"),
        ("telnyx", [Telnyx(encoding="L16").start()], "telnyx sends 'L16' at 8000 Hz; allowed are PCMU 8000, PCMA 8000"),
        ("twilio", [Twilio().start().replace("8000", "16000")], "twilio sends 'audio/x-mulaw' at 16000 Hz"),
        ("plivo", [Plivo().start().replace('"mediaFormat"', '"format"')], "plivo sends None at None Hz"),
        ("vonage", [Vonage(rate=44_100).start()], "vonage sends 'audio/l16' at 44100 Hz; allowed are audio/l16 8000"),
        ("vonage", [Vonage().start().replace("l16;", "pcm;")], "vonage sends 'audio/pcm;rate=16000' at None Hz"),
        ("twilio", [Twilio().start().replace("{}", json.dumps({"x": "y" * 20_000}))], "this is no carrier's stream"),
        ("twilio", ["[" * 10_000], "this is no carrier's stream"),
        ("twilio", ['{"event":"start","start":{"streamSid":1,"callSid":"CA1"}}'], "this is no carrier's stream"),
    ],
)
async def test_anything_else_is_refused_with_what_was_got_and_what_is_allowed(
    carrier: Any, messages: list[str | bytes], reason: str
) -> None:
    websocket, _ = await stream(*messages)

    with pytest.raises(RefusalError) as refused:
        await recognise(websocket, carrier=carrier)

    assert reason in str(refused.value)
    assert len(str(refused.value).encode()) <= _MOST_REASON_BYTES


@given(message=GARBAGE)
def test_garbage_is_refused_whatever_it_is(message: str | bytes) -> None:
    async def refused() -> str:
        websocket, _ = await stream(message)
        with pytest.raises(RefusalError) as refusal:
            await recognise(websocket, carrier="twilio")
        return str(refusal.value)

    assert len(asyncio.run(refused()).encode()) <= _MOST_REASON_BYTES


async def test_silence_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "RECOGNITION_SECONDS", 0.05)
    websocket, waiting = await stream()
    waiting.get_nowait()

    async with asyncio.timeout(5):
        with pytest.raises(RefusalError, match="no carrier's stream began within"):
            await recognise(websocket, carrier="twilio")


async def test_a_stream_that_ends_before_it_begins_is_none() -> None:
    websocket, waiting = await stream(*Twilio().preface)
    waiting.get_nowait(), waiting.get_nowait()
    waiting.put_nowait({"type": "websocket.disconnect", "code": 1000})

    assert await recognise(websocket, carrier="twilio") is None


def header(call: object) -> dict[str, str]:
    return {PHONE_HEADER: base64.urlsafe_b64encode(json.dumps(call).encode()).decode().rstrip("=")}


@pytest.mark.parametrize("caller", ["0123456789abcdef", ""])
def test_the_header_tells_of_the_call(caller: str) -> None:
    call = read_phone_call(header({**CALL, "caller": caller, "added_later": 1}))

    assert call
    assert (call.carrier, call.direction, call.caller, call.can_transfer) == ("twilio", "inbound", caller, True)
    assert (call.answered_by, call.stream, call.outcome) == ("unknown", None, "unknown")
    assert read_phone_call({}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {PHONE_HEADER: ""},
        {PHONE_HEADER: "?"},
        header([]),
        *[header({name: value for name, value in CALL.items() if name != left_out}) for left_out in CALL],
        *[
            header({**CALL, name: value})
            for name, value in (
                ("carrier", "exotel"),
                ("direction", "sideways"),
                ("caller", "+15550100"),
                ("caller", "0123456789ABCDEF"),
                ("transfer", "yes"),
                ("transfer", 1),
            )
        ],
    ],
)
def test_a_header_that_the_connect_api_does_not_write_is_refused_without_quoting_it(headers: dict[str, str]) -> None:
    with pytest.raises(HeaderError) as refused:
        read_phone_call(headers)

    assert str(refused.value) == "phone: not what the connect API signs; use the URL as it was signed"


@pytest.mark.parametrize("carrier", [Twilio(), Plivo(), Telnyx(), Vonage()])
async def test_a_carrier_knows_the_mark_and_its_answer_is_told_from_all_else(carrier: CarrierProtocol) -> None:
    websocket, _ = await stream(*carrier.preface, carrier.start())
    found = await recognise(websocket, carrier=carrier.name)
    assert found
    command = carrier.command(last_words_mark(found))

    assert isinstance(command, Mark)
    assert are_last_words_played({"type": "websocket.receive", "text": command.echo})
    another = command.echo.replace("last-words", "not-the-last-words")
    for other in (
        {"text": another},
        {"text": carrier.dtmf("1")},
        {"bytes": b"last-words"},
        {"text": '["last-words"]'},
        {"text": ""},
    ):
        assert not are_last_words_played({"type": "websocket.receive", **other})


async def test_a_bot_can_ask_for_the_phone_call_that_it_serves() -> None:
    websocket, _ = await stream()
    call = PhoneCall(carrier="vonage", direction="outbound", caller="", can_transfer=False)
    served = WebSocketRunnerArguments(websocket=CallSocket(websocket, grace_seconds=0, phone=call))

    assert phone_call(served) is call
    assert phone_call(WebSocketRunnerArguments(websocket=CallSocket(websocket, grace_seconds=0))) is None
    assert phone_call(RunnerArguments()) is None
