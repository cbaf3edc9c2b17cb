from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies import CallTool, Say, answer_to_tool, next_step, reply_to


def reply(heard: str, *, before: str = "", at: str = "10:42") -> Say | CallTool:
    return reply_to(heard, before=before, now=datetime.combine(datetime.now(UTC), time.fromisoformat(at)))


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("Please repeat, where is my house?", "Where is my house?"),
        ("Can you repeat after me. The house is old.", "The house is old."),
        ("Say hello.", "Hello."),
        ("Please say, it is time to say goodbye.", "It is time to say goodbye."),
        ("Please count to three.", "One, two, three."),
        ("Count to zero.", "One, two, three, four, five."),
        ("Count from 1 to 4", "One, two, three, four."),
        ("Please count to thine.", "One, two, three, four, five."),
        ("I say so.", "You said: I say so."),
        ("How are you today?", "You said: How are you today?"),
    ],
)
def test_the_first_keyword_that_fits_decides(heard: str, said: str) -> None:
    assert reply(heard) == Say(text=said)


@pytest.mark.parametrize(
    ("heard", "name", "arguments"),
    [
        ("Thank you, bye bye.", "end_call", {}),
        ("Thank you bye-bye!", "end_call", {}),
        ("Please hang up the phone.", "end_call", {}),
        ("I want to talk to a human, please.", "transfer_to_human", {"reason": "the caller asks for a human"}),
        ("Can you find order number two for me?", "find_order", {"order_number": "2"}),
        ("My order is one, 2.", "find_order", {"order_number": "12"}),
        ("Where is my order?", "find_order", {"order_number": ""}),
        ("What time is it in New York?", "current_time", {"time_zone": "America/New_York"}),
    ],
)
def test_what_a_tool_knows_is_asked_of_the_tool(heard: str, name: str, arguments: dict[str, Any]) -> None:
    assert reply(heard) == CallTool(name=name, arguments=arguments)


@pytest.mark.parametrize(
    ("at", "spoken"),
    [
        ("10:42", "ten forty-two"),
        ("00:00", "twelve o'clock"),
        ("13:05", "one oh five"),
        ("23:59", "eleven fifty-nine"),
        ("07:20", "seven twenty"),
    ],
)
def test_the_time_is_told_as_on_a_clock_face(at: str, spoken: str) -> None:
    assert reply("What time is it?", at=at) == Say(text=f"It is {spoken}, universal time.")


@pytest.mark.parametrize("last", ["nineteen, twenty."])
@pytest.mark.parametrize("heard", ["Count to 1000000", "Count to twenty"])
def test_counting_has_an_end(heard: str, last: str) -> None:
    said = reply(heard)
    assert isinstance(said, Say)
    assert said.text.endswith(last)


def test_it_remembers_what_the_caller_said_before() -> None:
    context = [
        {"role": "user", "content": "I like music."},
        {"role": "assistant", "content": "You said: I like music."},
        {"role": "user", "content": "What did I say before?"},
    ]
    assert next_step(context, now=datetime.now(UTC)) == Say(text="Before, you said: I like music.")
    assert next_step(context[2:], now=datetime.now(UTC)) == Say(text="Before, you said nothing.")


@pytest.mark.parametrize(
    ("name", "result", "said"),
    [
        (
            "find_order",
            {"order_number": "2", "item": "a winter coat", "status": "being packed", "expected": "2026-12-03"},
            "Order 2, a winter coat, is being packed.",
        ),
        ("find_order", {"unknown_order": "9", "advice": "ask again"}, "There is no order 9."),
        ("current_time", {"time_zone": "America/New_York", "time": "13:05"}, "In New York, it is one oh five."),
        ("weather", {"degrees": 7}, 'The answer is {"degrees": 7}.'),
        ("weather", {"error": "weather failed"}, "Sorry, that did not work: weather failed."),
    ],
)
def test_a_tools_result_is_spoken(name: str, result: Any, said: str) -> None:
    assert answer_to_tool(name, result) == Say(text=said)


def test_a_cancelled_tool_is_no_json() -> None:
    context = [
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "content": "CANCELLED", "tool_call_id": "1"},
    ]
    assert next_step(context, now=datetime.now(UTC)) == Say(text="Sorry, that did not work: cancelled.")


@given(st.text(max_size=10_000), st.text(max_size=10_000))
def test_whatever_is_heard_gets_an_answer_of_bounded_length(heard: str, before: str) -> None:
    step = reply(heard, before=before)
    assert isinstance(step, CallTool) or 0 < len(step.text) <= 420
