from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies import Reply, reply_to


def reply(heard: str, *, at: str = "10:42") -> Reply:
    return reply_to(heard, goodbye="So long.", now=datetime.combine(datetime.now(UTC), time.fromisoformat(at)))


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
    assert reply(heard) == Reply(text=said)


@pytest.mark.parametrize(
    "heard", ["Thank you, bye bye.", "Thank you bye-bye!", "Goodbye.", "Please hang up the phone."]
)
def test_a_goodbye_ends_the_call(heard: str) -> None:
    assert reply(heard) == Reply(text="So long.", ends_call=True)


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
    assert reply("What time is it?", at=at).text == f"It is {spoken}, universal time."


def test_counting_has_an_end() -> None:
    assert reply("Count to 1000000").text.endswith("nineteen, twenty.")
    assert reply("Count to twenty").text.endswith("nineteen, twenty.")


@given(st.text(max_size=10_000))
def test_whatever_is_heard_gets_an_answer_of_bounded_length(heard: str) -> None:
    assert 0 < len(reply(heard).text) <= 410
