"""POST /sessions/{session_id}/participants: who may invite, into what, and what the guest can do."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connect.session_id import new_session_id
from tests.connect.conftest import SESSION_KEY, Function
from tests.connect.test_start_daily import claims_of
from tests.rooms.daily_stub import PREFIX, DailyStub, Fault

IN_ROOM = new_session_id(key=SESSION_KEY.encode(), subject="ann", place="room")
DIRECT = new_session_id(key=SESSION_KEY.encode(), subject="ann")
ROOM = f"{PREFIX}-{IN_ROOM[:32]}"


@pytest.fixture(autouse=True)
def room(daily: DailyStub) -> None:
    daily.add_room(ROOM, seconds=900)


def test_a_guest_gets_a_token_of_the_room_that_owns_nothing(in_daily: Function, daily: DailyStub) -> None:
    answered = in_daily.invite(IN_ROOM, {"name": "Ümit Öz"})

    assert (answered.status, set(answered.body)) == (201, {"dailyRoom", "dailyToken"})
    assert answered.headers["cache-control"] == "no-store"
    assert answered.body["dailyRoom"] == f"https://example.daily.co/{ROOM}"
    claims = claims_of(answered.body["dailyToken"])
    assert (claims["r"], claims["o"], claims["u"], claims["ejt"]) == (ROOM, False, "Ümit Öz", True)
    assert claims["ud"].startswith("guest-")
    assert claims["exp"] == daily.rooms[ROOM]["config"]["exp"]


@pytest.mark.parametrize("body", [None, {}])
def test_a_guest_without_a_name_is_a_guest(in_daily: Function, body: Any) -> None:
    assert claims_of(in_daily.invite(IN_ROOM, body).body["dailyToken"])["u"] == "Guest"


@pytest.mark.parametrize(
    ("session_id", "subject", "status", "code"),
    [
        (IN_ROOM, "bob", 403, "not_your_session"),
        (new_session_id(key=b"a guess" * 5, subject="ann", place="room"), "ann", 403, "not_your_session"),
        (DIRECT, "ann", 409, "not_a_room"),
        ("abc", "ann", 400, "malformed_session_id"),
    ],
)
def test_nobody_else_invites_and_only_into_a_room(
    in_daily: Function, daily: DailyStub, session_id: str, subject: str, status: int, code: str
) -> None:
    answered = in_daily.invite(session_id, subject=subject)

    assert (answered.status, answered.code) == (status, code)
    assert not daily.asked


def test_a_session_that_is_over_says_so(in_daily: Function, daily: DailyStub) -> None:
    daily.rooms[ROOM]["config"]["exp"] = int(time.time()) - 1
    expired = in_daily.invite(IN_ROOM)
    del daily.rooms[ROOM]
    gone = in_daily.invite(IN_ROOM)

    assert (expired.status, expired.code) == (gone.status, gone.code) == (410, "session_over")


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "\x00", "\ud800"])
def test_a_name_of_no_use_is_refused(in_daily: Function, daily: DailyStub, name: str) -> None:
    answered = in_daily.invite(IN_ROOM, {"name": name})

    assert (answered.status, answered.code) == (400, "invalid_name")
    assert not daily.asked


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": 7}, "invalid_type"),
        ({"owner": True}, "unknown_field"),
        ("[", "invalid_json"),
        ("x" * 2000, "request_too_large"),
    ],
)
def test_a_wrong_body_is_refused(in_daily: Function, body: object, code: str) -> None:
    assert in_daily.invite(IN_ROOM, body).code == code


def test_it_needs_the_transport(in_daily: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "websocket")

    assert in_daily.invite(IN_ROOM).code == "transport_not_deployed"


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault(status=401), "daily_refused_key"), (Fault(status=500), "daily_failed")]
)
def test_daily_s_errors_are_the_start_s(in_daily: Function, daily: DailyStub, fault: Fault, code: str) -> None:
    daily.faults["GetRoomConfig"] = [fault]

    assert in_daily.invite(IN_ROOM).code == code


@pytest.mark.parametrize("path", ["url", "offer", "trickle", "renew"])
def test_a_session_in_a_room_has_no_other_way_in(
    in_daily: Function, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "daily,websocket,webrtc")
    monkeypatch.setenv("SWITCHBOARD_TURN_SOURCE", "none")
    ways = {
        "url": lambda: in_daily.url(IN_ROOM),
        "offer": lambda: in_daily.offer(IN_ROOM, {}),
        "trickle": lambda: in_daily.trickle(IN_ROOM, {}),
        "renew": lambda: in_daily.renew(IN_ROOM),
    }

    answered = ways[path]()

    assert (answered.status, answered.code) == (409, "session_has_room")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(name=st.text(max_size=70))
def test_any_name_is_taken_as_it_is_or_refused(in_daily: Function, name: str) -> None:
    answered = in_daily.invite(IN_ROOM, json.dumps({"name": name}))

    if answered.status == 201:
        assert claims_of(answered.body["dailyToken"])["u"] == name
    else:
        assert answered.code == "invalid_name"
