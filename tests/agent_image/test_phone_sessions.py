"""What is kept of a phone call beside its pipeline: that it is the session's only one, who took it, how it ended."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.runner.types import WebSocketRunnerArguments
from starlette.websockets import WebSocket

import socket_calls
from call_resources import CallResources
from call_socket import CallSocket
from calls import Calls, RefusalError
from phone import PhoneCall, phone_call, sessions
from phone.sessions import PhoneSessions
from socket_calls import SocketCalls
from status import Status
from telemetry.call_span import CallSpan
from tests.agent_image.phone_line import Plivo, phone_header
from tests.agent_image.test_call_socket import LOST, Network, carried, ends, new_socket
from tests.agent_image.tool_call import tool_call
from tools.transfer_to_human import transfer_to_human

CALL = PhoneCall(carrier="twilio", direction="inbound", caller="", can_transfer=True)


def new_call(**more: Any) -> PhoneCall:
    return replace(CALL, over=asyncio.Event(), **more)


async def test_a_session_has_one_phone_call_ever() -> None:
    phones, call = PhoneSessions(), new_call()
    phones.begin(call, session_id="one")
    phones.begin(new_call(), session_id="other")
    call.finish(end="1000 the caller said goodbye", abandoned=False)

    with pytest.raises(RefusalError, match="this session has had its phone call"):
        phones.begin(new_call(), session_id="one")
    with pytest.raises(RefusalError, match="the session's id is missing"):
        phones.begin(new_call(), session_id=None)
    assert (phones.had_one("one"), phones.had_one("third"), phones.had_one(None)) == (True, False, False)


@pytest.mark.parametrize(
    ("end", "abandoned", "transferred", "answer"),
    [
        ("1000 the caller said goodbye", False, False, ("ended", "the caller said goodbye")),
        ("1001 the agent is stopping", False, False, ("ended", "the agent is stopping")),
        ("1000 transferred to a human", False, True, ("transfer", "wants a refund")),
        ("1011 a service of the agent failed", False, True, ("transfer", "wants a refund")),
        ("1011 a service of the agent failed", False, False, ("failed", "a service of the agent failed")),
        ("1008 phone: this is no carrier's stream", False, False, ("failed", "phone: this is no carrier's stream")),
        ("1000 the caller was lost", True, False, ("failed", "the caller was lost")),
    ],
)
async def test_the_carrier_is_told_how_the_call_goes_on(
    end: str, abandoned: bool, transferred: bool, answer: tuple[str, str]
) -> None:
    phones, call = PhoneSessions(), new_call()
    phones.begin(call, session_id="one")
    if transferred:
        call.transfer(reason="wants a refund")
    asking = asyncio.create_task(phones.outcome(session_id="one"))  # before the pipeline has ended
    await asyncio.sleep(0)
    call.finish(end=end, abandoned=abandoned)

    outcome, reason = answer
    assert await asking == {"outcome": outcome, "reason": reason}
    assert await phones.outcome(session_id="one") == {"outcome": outcome, "reason": reason}


@pytest.mark.parametrize(("transferred", "outcome"), [(True, "transfer"), (False, "unknown")])
async def test_of_a_call_that_does_not_end_only_a_transfer_is_known(
    transferred: bool, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_CLOSING_SECONDS", 0.05)
    phones, call = PhoneSessions(), new_call()
    phones.begin(call, session_id="one")
    if transferred:
        call.transfer(reason="")

    assert await phones.outcome(session_id="one") == {"outcome": outcome, "reason": ""}
    assert await phones.outcome(session_id=None) == {"outcome": "unknown", "reason": ""}


async def test_who_took_the_call_may_be_known_before_its_stream_and_change_during_it() -> None:
    phones, call = PhoneSessions(), new_call()
    noticed: list[str] = []

    async def notice() -> None:
        noticed.append(call.answered_by)

    await phones.note_answer("human", session_id="one")
    await phones.note_answer("machine", session_id=None)
    phones.begin(call, session_id="one")
    assert call.answered_by == "human"
    await phones.note_answer("unknown", session_id="one")
    call.on_answered = notice
    await phones.note_answer("machine", session_id="one")

    assert noticed == ["machine"]


async def test_a_text_message_ends_a_call_that_takes_none() -> None:
    network = Network()
    socket = CallSocket(await Network().accepted(), grace_seconds=30, binary_only=True)
    async with carried(socket, network):
        network.says('{"event":"connected"}')
        reason = "this call takes no text messages; a carrier's stream needs a URL that is signed for a phone call"
        assert await ends(socket) == f"1008 {reason}"

    assert network.outgoing == [{"type": "websocket.close", "code": 1008, "reason": reason}]
    assert not socket.abandoned


@pytest.mark.parametrize("decided", [True, False])
async def test_a_stream_that_ends_before_the_agent_decided_on_it_is_abandoned(decided: bool) -> None:
    network = Network()
    socket = await new_socket(grace_seconds=0)
    async with carried(socket, network):
        if decided:
            socket.end_with(code=1000, reason="the caller said goodbye")
        network.incoming.put_nowait(LOST)
        await ends(socket)

    assert (socket.abandoned, socket.ending) == (not decided, True)


async def _ask_for_a_human(phone: PhoneCall) -> tuple[list[str], str, list[str]]:
    """What the bot said at last, how the call ended, and what the brain said."""
    async with tool_call(transfer_to_human) as call:
        resources = call.worker.app_resources
        assert isinstance(resources, CallResources)
        resources.phone = phone
        await call.say("I want to talk to a human.")
        if phone.can_transfer:
            await call.over()
            answers: list[str] = []
        else:
            answers = [await call.answer()]
        return [frame.text for frame in call.ears.all(TTSSpeakFrame)], call.connection.end, answers


async def test_a_transfer_is_the_carriers_to_make() -> None:
    phone = new_call()
    said, end, _ = await _ask_for_a_human(phone)

    assert (phone.outcome, phone.reason) == ("transfer", "the caller asks for a human")
    assert (len(said), end) == (1, "1000 transferred to a human")


async def test_without_a_target_the_model_is_told_and_the_call_goes_on() -> None:
    phone = new_call(can_transfer=False)
    said, end, answers = await _ask_for_a_human(phone)

    assert answers == ["I am sorry, nobody can take over."]
    assert (phone.outcome, said, end) == ("unknown", [], "")


@pytest.mark.parametrize("model_speaks", [True, False])
async def test_an_instruction_reaches_the_context_as_the_developers(model_speaks: bool) -> None:
    async with tool_call(transfer_to_human, model_speaks=model_speaks) as call:
        resources = call.worker.app_resources
        await resources.instruct(call.worker, instruction="An answering machine has taken this call.")
        if not model_speaks:
            assert await call.answer() == "This is a message of the shop. Please call us back."
        await call.worker.flush_pipeline()
        messages = call.context.get_messages()

    assert {"role": "developer", "content": "An answering machine has taken this call."} in messages


class ShortBot:
    """A loader whose bot looks at its call, and is done."""

    def __init__(self) -> None:
        self.served: list[WebSocketRunnerArguments] = []

    async def bot(self) -> Any:
        async def bot(runner_args: WebSocketRunnerArguments) -> None:
            self.served.append(runner_args)

        return bot


async def test_the_bot_knows_the_call_and_the_operator_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[Any] = []
    monkeypatch.setattr(socket_calls, "record", lambda name, value, **more: recorded.append((name, value, more)))
    monkeypatch.setattr(socket_calls, "renew_randomness", lambda: None)
    network, loader, status, phones = Network(), ShortBot(), Status(), PhoneSessions()
    bots: Any = loader
    answering = SocketCalls(loader=bots, calls=Calls(), status=status, phones=phones, grace_seconds=30)
    headers = [(name.lower().encode(), value.encode()) for name, value in phone_header("plivo", transfer=False).items()]
    network.incoming.put_nowait({"type": "websocket.connect"})
    network.says(Plivo().start())
    websocket = WebSocket({"type": "websocket", "headers": headers}, receive=network.incoming.get, send=network._send)
    await asyncio.wait_for(answering.answer(websocket, session_id="one"), 20)
    await answering.finished()

    (arguments,) = loader.served
    call = phone_call(arguments)
    assert call
    assert call.stream
    assert (call.carrier, call.stream.stream_id, call.can_transfer) == ("plivo", "20170ada", False)
    socket: Any = arguments.websocket
    assert socket.caller == call.caller == "0123456789abcdef"
    assert recorded == [("PhoneCalls", 1, {"unit": "Count", "carrier": "plivo", "outcome": "ended"})]
    assert await phones.outcome(session_id="one") == {"outcome": "ended", "reason": ""}
    assert status.calls == 0


def test_the_span_of_a_call_names_the_carrier(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    begun = CallSpan.begin(session_id="one", pipeline="offline", transport="websocket", phone=CALL)
    asyncio.run(begun.cleanup())

    (span,) = spans.get_finished_spans()
    attributes = span.attributes or {}
    assert attributes["switchboard.transport"] == "websocket"
    assert (attributes["switchboard.carrier"], attributes["switchboard.direction"]) == ("twilio", "inbound")
