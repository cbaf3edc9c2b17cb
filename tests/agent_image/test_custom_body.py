import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain import brain_name
from custom_body import MAX_BYTES, BodyError, decode_body

_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(st.dictionaries(st.text(max_size=20), _JSON, max_size=5))
def test_a_json_object_arrives_as_it_was_sent(body: dict[str, object]) -> None:
    assert decode_body(encoded(json.dumps(body))) == body


@given(st.text())
def test_any_other_header_is_refused_and_never_crashes(header: str) -> None:
    try:
        body = decode_body(header)
    except BodyError:
        return
    assert isinstance(body, dict)


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_an_empty_body(header: str | None) -> None:
    assert decode_body(header) == {}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("not base64url!", "not base64url of JSON"),
        ("e30/", "not base64url of JSON"),
        ("e30~~~~", "not base64url of JSON"),
        (encoded("{'brain': 'echo'}"), "not base64url of JSON"),
        (encoded("[" * MAX_BYTES), "not base64url of JSON"),
        (encoded('["echo"]'), "got a JSON list; send a JSON object"),
        (encoded(json.dumps({"a": "x" * MAX_BYTES})), f"longer than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_wrong_is_said(header: str, reason: str) -> None:
    with pytest.raises(BodyError, match=reason):
        decode_body(header)


def test_a_body_of_just_the_largest_size_is_taken() -> None:
    text = '{"a":"' + "x" * (MAX_BYTES - 8) + '"}'

    assert len(text) == MAX_BYTES
    assert decode_body(encoded(text))["a"] == "x" * (MAX_BYTES - 8)
    with pytest.raises(BodyError):
        decode_body(encoded(text + " "))


@pytest.mark.parametrize("body", [{}, {"brain": "scripted"}, {"other": 1}, None])
def test_the_brain_is_scripted_unless_the_body_says_otherwise(body: object) -> None:
    assert brain_name(body) == "scripted"


@pytest.mark.parametrize("name", ["Echo", "", None, 1, ["echo"]])
def test_an_unknown_brain_is_refused_with_those_allowed(name: object) -> None:
    with pytest.raises(BodyError, match="allowed are scripted, echo"):
        brain_name({"brain": name})
