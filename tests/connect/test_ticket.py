import base64
import hashlib
import hmac
import json
import re
import secrets
import zlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connect.session_id import new_session_id
from connect.ticket import MAX_JSON_BYTES, Ticket, open_ticket, path_id
from connect.turn import IceAnswer, IceServer
from shared.agent_body import MAX_AGENT_BODY_BYTES
from shared.errors import ApiError
from tests.connect.conftest import RELAY, SESSION_KEY

KEY = SESSION_KEY.encode()
SESSION = new_session_id(key=KEY, subject="ann")
STUN = IceServer(urls=("stun:stun.example.com:443",))
TICKET = Ticket(
    body={"name": "Åsa 👋", "n": [1.5, None]}, ice=IceAnswer(servers=(STUN, RELAY), expires_at=1893456000.5)
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
ticket_like = st.fixed_dictionaries(
    {},
    optional={
        "body": json_values,
        "expiresAt": json_values | st.integers(),
        "iceServers": json_values
        | st.lists(
            json_values
            | st.fixed_dictionaries(
                {},
                optional={
                    "urls": json_values | st.lists(json_values),
                    "username": json_values,
                    "credential": json_values,
                },
            )
        ),
    },
)


def ticket_text(ticket: Ticket = TICKET) -> str:
    return path_id(key=KEY, session_id=SESSION, ticket=ticket).removeprefix(f"{SESSION}.")


def sealed(plain: bytes, *, compressed: bytes | None = None) -> str:
    """A ticket with a valid proof around any content: what only the function itself could have made."""
    payload = base64.urlsafe_b64encode(zlib.compress(plain) if compressed is None else compressed).rstrip(b"=").decode()
    key = hmac.digest(KEY, b"switchboard ticket", "sha256")
    return f"{payload}.{hmac.new(key, f'{SESSION}.{payload}'.encode(), hashlib.sha256).hexdigest()}"


def opened(text: str, *, key: bytes = KEY, session_id: str = SESSION) -> Ticket:
    return open_ticket(key=key, session_id=session_id, text=text)


def assert_malformed(text: str, *, key: bytes = KEY, session_id: str = SESSION) -> None:
    with pytest.raises(ApiError) as caught:
        opened(text, key=key, session_id=session_id)
    assert (caught.value.status, caught.value.code) == (400, "malformed_ticket")


def test_what_was_put_in_comes_out() -> None:
    assert opened(ticket_text()) == TICKET
    assert opened(sealed(b"{}")) == Ticket(), "the helper seals as the function does"


def test_it_fits_into_a_path_as_it_is() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+", path_id(key=KEY, session_id=SESSION, ticket=TICKET))


def test_nothing_to_carry_makes_no_ticket() -> None:
    lasting = Ticket(ice=IceAnswer(servers=(RELAY,), expires_at=None))

    assert path_id(key=KEY, session_id=SESSION, ticket=lasting) == SESSION


def test_credentials_that_cost_nothing_to_look_up_are_not_carried() -> None:
    ticket = Ticket(body={"a": 1}, ice=IceAnswer(servers=(RELAY,), expires_at=None))

    assert opened(ticket_text(ticket)) == Ticket(body={"a": 1})


def test_the_largest_ticket_leaves_a_third_of_a_request_to_the_token() -> None:
    noise = secrets.token_urlsafe(MAX_JSON_BYTES)
    body = {"s": noise[: MAX_AGENT_BODY_BYTES - len('{"s":""}')]}
    room = MAX_JSON_BYTES - len(json.dumps({"body": body, "iceServers": [RELAY.as_json()], "expiresAt": 1.5}))
    servers = (RELAY, IceServer(urls=("turn:" + noise[-room + 60 :],)))
    ticket = Ticket(body=body, ice=IceAnswer(servers=servers, expires_at=1.5))

    whole = path_id(key=KEY, session_id=SESSION, ticket=ticket)

    assert 5000 < len(whole) < 10_240 * 2 / 3
    assert opened(whole.removeprefix(f"{SESSION}.")) == ticket


def test_more_servers_than_a_path_holds_are_the_operators_matter() -> None:
    servers = (IceServer(urls=("turn:" + "x" * MAX_JSON_BYTES,)),)

    with pytest.raises(ApiError) as caught:
        ticket_text(Ticket(ice=IceAnswer(servers=servers, expires_at=1.0)))

    assert caught.value.code == "wrong_setup"
    assert f"at most {MAX_JSON_BYTES}" in caught.value.note


@given(position=st.integers(min_value=0), character=st.characters(codec="utf-8"))
@example(position=-1, character="0")
@example(position=-66, character="A")
def test_one_changed_character_spoils_it(position: int, character: str) -> None:
    text = ticket_text()
    at = position % len(text)
    changed = text[:at] + character + text[at + 1 :]

    if changed != text:
        assert_malformed(changed)


@given(cut=st.integers(min_value=0), added=st.text(max_size=5))
def test_a_cut_or_longer_one_is_refused(cut: int, added: str) -> None:
    text = ticket_text()
    changed = text[: cut % len(text)] + added

    if changed != text:
        assert_malformed(changed)
    if added:
        assert_malformed(text + added)
        assert_malformed(added + text)


@given(text=st.text(st.characters()) | st.from_regex(r"[A-Za-z0-9_-]+\.[0-9a-f]{64}", fullmatch=True))
def test_no_text_upsets_it(text: str) -> None:
    assert_malformed(text)


def test_it_serves_one_session_and_one_key() -> None:
    assert_malformed(ticket_text(), session_id=new_session_id(key=KEY, subject="ann"))
    assert_malformed(ticket_text(), key=KEY + b"x")


def test_its_key_is_not_the_session_ids() -> None:
    payload, _, _ = ticket_text().partition(".")
    proof = hmac.new(KEY, f"{SESSION}.{payload}".encode(), hashlib.sha256).hexdigest()

    assert_malformed(f"{payload}.{proof}")


@given(carried=ticket_like | json_values)
@example(carried={"iceServers": [{"urls": ["turn:a"]}]})
@example(carried={"iceServers": [], "expiresAt": 1})
def test_any_json_under_a_valid_proof_is_a_ticket_or_refused(carried: Any) -> None:
    text = sealed(json.dumps(carried).encode())
    try:
        ticket = opened(text)
    except ApiError:
        assert_malformed(text)
        return
    assert isinstance(ticket.body, dict)
    for server in ticket.ice.servers if ticket.ice else ():
        assert all(isinstance(text, str) for text in (*server.urls, server.username, server.credential))


@given(content=st.binary(max_size=200))
def test_any_bytes_under_a_valid_proof_are_refused(content: bytes) -> None:
    assert_malformed(sealed(b"", compressed=content))
    assert_malformed(sealed(b"\xff" + content))


def test_a_bomb_under_a_valid_proof_is_not_inflated() -> None:
    bomb = zlib.compress(b" " * 2_000_000 + b"{}", level=9)
    assert len(bomb) < 4096

    assert_malformed(sealed(b"", compressed=bomb))


@pytest.mark.parametrize("compressed", [zlib.compress(b"{}") + b"x", zlib.compress(b"{}")[:-1], b""])
def test_a_stream_with_a_tail_or_without_its_end_is_refused(compressed: bytes) -> None:
    assert_malformed(sealed(b"", compressed=compressed))


def test_json_nested_deeply_is_refused() -> None:
    assert_malformed(sealed(b'{"body":' + b"[" * (MAX_JSON_BYTES - 8)))


def test_its_repr_keeps_what_it_carries() -> None:
    assert repr(TICKET) == "Ticket()"
