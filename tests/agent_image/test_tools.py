"""The bot's own tools, as the model meets them: their schema, and what they answer."""

import asyncio
import inspect
import json
import re
import zoneinfo
from pathlib import Path
from typing import Any

import pytest
from pipecat.adapters.llm.schemas.direct_function import DirectFunction, DirectFunctionWrapper
from pipecat.frames.frames import EndFrame, LLMTextFrame, OutputTransportMessageUrgentFrame, TTSSpeakFrame
from pipecat.services.llm_service import FunctionCallParams

import call_resources
from bot import TOOLS
from guarded_tools import guarded
from tests.agent_image.tool_call import GOODBYE, ToolCall, tool_call
from tools.clock import current_time
from tools.end_call import end_call
from tools.orders import find_order, load_orders
from tools.transfer_to_human import SENTENCE, transfer_to_human


async def answer_of(tool: DirectFunction, **arguments: Any) -> Any:
    """What a tool answers; guarded, as in a call."""
    answers = []

    async def answer(result: Any, *, properties: object = None) -> None:
        answers.append(result)

    await guarded(tool)(_params(answer, name=tool.__name__), **arguments)
    (only,) = answers
    return only


def _params(callback: Any, *, name: str) -> FunctionCallParams:
    nobody: Any = None
    return FunctionCallParams(
        function_name=name,
        tool_call_id="1",
        arguments={},
        llm=nobody,
        pipeline_worker=nobody,
        context=nobody,
        result_callback=callback,
    )


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_a_tool_tells_the_model_what_it_is_for_and_what_each_argument_means(tool: DirectFunction) -> None:
    schema = DirectFunctionWrapper(guarded(tool)).to_function_schema()

    assert schema.name == tool.__name__
    assert len(schema.description) > 20
    assert {*schema.properties} == {*inspect.signature(tool).parameters} - {"params"}
    for argument in schema.properties.values():
        assert argument["type"] == "string"
        assert len(argument["description"]) > 10


async def test_the_example_of_the_guide_is_a_tool() -> None:
    guide = Path(__file__).parents[2] / "docs" / "agent.md"
    (example,) = re.findall(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)
    file: dict[str, Any] = {}
    exec(compile(example, guide, "exec"), file)  # noqa: S102 - what the guide tells users to write
    schema = DirectFunctionWrapper(guarded(file["opening_hours"])).to_function_schema()

    assert schema.required == ["weekday"]
    assert await answer_of(file["opening_hours"], weekday="Sunday") == {"weekday": "Sunday", "hours": "closed"}


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "UTC"])
async def test_the_clock_knows_the_worlds_time_zones(zone: str) -> None:
    now = await answer_of(current_time, time_zone=zone)

    assert now["time_zone"] == zone
    assert len(now["time"]) == len("10:42")
    assert len(now["date"]) == len("2026-11-24")


@pytest.mark.parametrize(
    "zone", ["Middle/Earth", "", "Europe", "../etc/passwd", "New York", "\0", "Europe/" + "x" * 500]
)
async def test_an_unknown_time_zone_is_told_to_the_model(zone: str) -> None:
    assert (await answer_of(current_time, time_zone=zone))["unknown_time_zone"] == zone


def test_the_time_zones_are_also_there_without_the_systems() -> None:
    """A slim image may have no /usr/share/zoneinfo."""
    zoneinfo.reset_tzpath(to=[])
    try:
        zoneinfo.ZoneInfo.clear_cache()
        assert zoneinfo.ZoneInfo("Europe/London").key == "Europe/London"
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize("number", ["2", " 2 ", 2])
async def test_an_order_is_found_by_its_number(number: Any) -> None:
    order = await answer_of(find_order, order_number=number)

    assert order == {
        "order_number": "2",
        "item": "a winter coat",
        "status": "being packed",
        "expected": "2026-12-03",
    }


@pytest.mark.parametrize("number", ["99", "", "two"])
async def test_an_unknown_order_is_told_to_the_model(number: str) -> None:
    assert (await answer_of(find_order, order_number=number))["unknown_order"] == number


ORDER = {"order_number": "1", "item": "a hat", "status": "lost", "expected": None}


@pytest.mark.parametrize(
    ("orders", "complaint"),
    [
        ([ORDER, ORDER], "the same order_number twice"),
        ([{**ORDER, "order_number": 1}], "0.order_number"),
        ([{**ORDER, "expected": "tomorrow"}], "0.expected"),
        ([{**ORDER, "price": 7}], "0.price"),
        ([{"order_number": "1"}], "0.item"),
        ({}, "valid array"),
    ],
)
def test_a_wrong_order_book_is_refused_with_its_mistake(tmp_path: Path, orders: Any, complaint: str) -> None:
    book = tmp_path / "orders.json"
    book.write_text(json.dumps(orders))

    with pytest.raises(ValueError, match=complaint):
        load_orders(book)


async def _end(call: ToolCall) -> tuple[str, int]:
    """Wait for the end of the call; how it is explained, and how often the brain spoke."""
    await call.over()
    return call.connection.end, len(call.ears.all(LLMTextFrame))


async def test_end_call_says_goodbye_and_ends_without_another_answer() -> None:
    async with tool_call(end_call) as call:
        await call.say("Thank you, bye bye.")
        end, answers = await _end(call)

    kinds = [type(frame) for frame in call.ears.frames if isinstance(frame, TTSSpeakFrame | EndFrame)]
    (goodbye,) = call.ears.all(TTSSpeakFrame)
    assert kinds == [TTSSpeakFrame, EndFrame]
    assert (goodbye.text, goodbye.interruptible) == (GOODBYE, False)
    assert (end, answers) == ("1000 the caller said goodbye", 0)


async def test_transfer_to_human_tells_the_client_and_then_ends() -> None:
    async with tool_call(transfer_to_human) as call:
        await call.say("I want to talk to a human.")
        end, answers = await _end(call)

    messages = [frame.message for frame in call.ears.all(OutputTransportMessageUrgentFrame)]
    data = [message["data"] for message in messages if message["type"] == "server-message"]
    assert data == [{"type": "transfer-to-human", "reason": "the caller asks for a human"}]
    assert [frame.text for frame in call.ears.all(TTSSpeakFrame)] == [SENTENCE]
    assert (end, answers) == ("1000 transferred to a human", 0)


async def test_a_model_that_speaks_itself_is_heard_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_resources, "_SILENCE_SECONDS", 0.2)
    async with tool_call(end_call, model_speaks=True) as call:
        await call.say("Thank you, bye bye.")
        await call.answer()
        await call.ears.bot_speaks(True)
        await asyncio.sleep(0.6)
        for speaks in (False, True):  # a pause between two sentences is no end
            await call.ears.bot_speaks(speaks)
        await asyncio.sleep(0.6)
        unended = call.ears.all(EndFrame)
        await call.ears.bot_speaks(False)
        end, _ = await _end(call)

    assert json.loads(call.tool_results()[0]) == {"say_only_this": GOODBYE}
    assert unended == []
    assert end == "1000 the caller said goodbye"


async def test_a_model_that_says_nothing_more_doesnt_keep_the_call_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_resources, "_BEGINS_WITHIN_SECONDS", 0.2)
    async with tool_call(end_call, model_speaks=True) as call:
        await call.say("Thank you, bye bye.")
        end, _ = await _end(call)

    assert end == "1000 the caller said goodbye"
