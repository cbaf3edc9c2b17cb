"""The sweep: what it deletes, and above all what it leaves alone."""

import io
import json
import secrets
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.credentials import Credentials
from shared.daily import domain
from shared.daily.domain import Domain
from shared.daily.settings import DailySettings
from shared.errors import ApiError
from tests.connect.fake_clock import FakeClock
from tests.connect.test_handler import emf
from tests.rooms.conftest import RoomsFunction
from tests.rooms.daily_stub import PREFIX, DailyStub, Fault

SWEEP = {"type": "sweep"}
OLD = 121.0


def our_name() -> str:
    return f"{PREFIX}-{secrets.token_hex(16)}"


def add(daily: DailyStub, *, name: str = "", age: float = OLD, people: tuple[str | None, ...] = ()) -> str:
    name = name or our_name()
    daily.add_room(name, age=age)
    daily.present[name] = list(people)
    return name


@pytest.fixture
def whole(settings: DailySettings, credentials: Credentials) -> Domain:
    return Domain(daily=settings, credentials=credentials, deadline=time.monotonic() + 600)


def test_rooms_without_their_agent_go_and_all_others_stay(
    rooms: RoomsFunction, daily: DailyStub, log_text: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    left = add(daily, people=("caller", "guest-0a0b0c0d", None))
    empty = add(daily)
    stay = {
        add(daily, people=("agent", "caller")),
        add(daily, age=100.0),
        add(daily, name="team-standup"),
        add(daily, name=f"{PREFIX}-x-{secrets.token_hex(16)}"),
        add(daily, name=f"x{our_name()}"),
        add(daily, name=our_name().upper()),
        add(daily, name=f"{PREFIX}-{secrets.token_hex(15)}zz"),
        add(daily, name=f"{our_name()}0"),
    }

    assert rooms.invoke(SWEEP) == {}

    assert set(daily.rooms) == stay
    assert daily.ejected == [f"{left[-8:]}-{number}" for number in range(3)], "whoever is left, before the room goes"
    assert {left, empty} == set(daily.asked[-1].payload["room_names"])
    (metric,) = emf(capfd.readouterr().out)
    assert (metric["name"], metric["value"], metric["deployment"]) == ("RoomsSwept", [2.0], PREFIX)
    line = json.loads(log_text.getvalue())
    assert (line["event"], line["note"], line["level"]) == ("sweep", "2 rooms deleted", "INFO")


def test_with_nothing_old_it_asks_for_the_list_alone(rooms: RoomsFunction, daily: DailyStub) -> None:
    add(daily, age=5)

    rooms.invoke(SWEEP)

    assert [asked.operation for asked in daily.asked] == ["ListRooms"]


def test_one_wrong_answer_ends_no_call(rooms: RoomsFunction, daily: DailyStub) -> None:
    name = add(daily, people=("agent", "caller"))
    daily.faults["GetPresence"] = [Fault(body=b"{}")]

    rooms.invoke(SWEEP)

    assert list(daily.rooms) == [name]
    assert daily.count("GetRoomPresence") == 1


@pytest.mark.parametrize("body", [b'{"a": 1}', b'{"error": "x"}', b"[]", b""])
def test_a_presence_of_no_use_deletes_nothing(rooms: RoomsFunction, daily: DailyStub, body: bytes) -> None:
    name = add(daily)
    daily.faults["GetPresence"] = [Fault(body=body)]

    with pytest.raises(rooms.module.RoomsError, match="daily_failed"):
        rooms.invoke(SWEEP)

    assert list(daily.rooms) == [name]


@pytest.mark.parametrize("operation", ["ListRooms", "GetPresence", "GetRoomPresence"])
def test_a_failing_daily_deletes_nothing_and_is_told(
    rooms: RoomsFunction, daily: DailyStub, operation: str, log_text: io.StringIO
) -> None:
    name = add(daily)
    daily.faults[operation] = [Fault(status=500)]

    with pytest.raises(rooms.module.RoomsError, match="daily_failed"):
        rooms.invoke(SWEEP)

    assert list(daily.rooms) == [name]
    line = json.loads(log_text.getvalue())
    assert (line["level"], line["code"], line["note"]) == (
        "ERROR",
        "daily_failed",
        f"{operation}: HTTP 500 rate-limit-error",
    )


def test_a_room_that_is_gone_when_it_is_looked_at_is_no_error(rooms: RoomsFunction, daily: DailyStub) -> None:
    add(daily)
    daily.faults["GetRoomPresence"] = [Fault(status=404)]

    assert rooms.invoke(SWEEP) == {}
    assert [asked.operation for asked in daily.asked][-1] == "GetRoomPresence", "nothing is left to eject or delete"


def test_a_room_that_goes_meanwhile_does_not_keep_the_others(rooms: RoomsFunction, daily: DailyStub) -> None:
    names = [add(daily) for _ in range(30)]
    whole_answer = daily._of_a_room

    def gone_after_the_look(*, operation: str, name: str, payload: Any) -> Any:
        replied = whole_answer(operation=operation, name=name, payload=payload)
        if operation == "GetRoomPresence" and name in (names[3], names[20]):
            del daily.rooms[name]
        return replied

    daily._of_a_room = gone_after_the_look  # type: ignore[method-assign]

    rooms.invoke(SWEEP)

    assert not daily.rooms
    assert daily.count("DeleteRoom") <= 4, "only what is halved down to one room"


def test_a_busy_daily_is_left_to_the_next_sweep_with_some_work_done(
    rooms: RoomsFunction, daily: DailyStub, monkeypatch: pytest.MonkeyPatch, log_text: io.StringIO
) -> None:
    monkeypatch.setattr("rooms.sweep.CHUNK", 4)
    for _ in range(10):
        add(daily)
    daily.faults["GetRoomPresence"] = [*[Fault()] * 6, Fault(status=429, headers={"retry-after": "60"})]

    assert rooms.invoke(SWEEP) == {}

    assert len(daily.rooms) == 6
    line = json.loads(log_text.getvalue())
    assert line["note"].startswith("4 rooms deleted; the rest is left to the next sweep: GetRoomPresence: HTTP 429")
    rooms.invoke(SWEEP)
    assert not daily.rooms


def test_a_slow_daily_is_left_to_the_next_sweep_with_some_work_done(
    rooms: RoomsFunction, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr("rooms.sweep.time", clock)
    monkeypatch.setattr("shared.daily.api.time", clock)
    whole_answer = daily._of_a_room

    def slow(*, operation: str, name: str, payload: Any) -> Any:
        clock.passed += 3.0
        return whole_answer(operation=operation, name=name, payload=payload)

    daily._of_a_room = slow  # type: ignore[method-assign]
    for _ in range(20):
        add(daily)

    assert rooms.invoke(SWEEP) == {}

    assert len(daily.rooms) == 14
    assert clock.passed < 24


def test_after_its_time_a_sweep_asks_nothing(whole: Domain, daily: DailyStub) -> None:
    late = replace(whole, deadline=time.monotonic() - 0.1)

    with pytest.raises(ApiError) as raised:
        late.rooms(since=0)

    assert (raised.value.code, raised.value.note) == ("daily_busy", "ListRooms: no time was left")
    assert not daily.asked


def test_the_batch_s_field_has_either_name(rooms: RoomsFunction, daily: DailyStub) -> None:
    daily.batch_field = "rooms"
    for _ in range(5):
        add(daily)

    rooms.invoke(SWEEP)

    assert not daily.rooms
    assert (daily.count("BatchRoomDelete"), daily.count("DeleteRoom")) == (2, 0)


def test_a_crowd_is_ejected_a_hundred_at_a_time(rooms: RoomsFunction, daily: DailyStub) -> None:
    add(daily, people=("guest",) * 150)

    rooms.invoke(SWEEP)

    assert len(daily.ejected) == 150
    assert not daily.rooms


def test_many_rooms_are_listed_page_by_page_and_deleted_in_batches(
    rooms: RoomsFunction, daily: DailyStub, capfd: pytest.CaptureFixture[str]
) -> None:
    busy = {add(daily, age=OLD + number, people=("agent",)) for number in range(90)}
    dead = [add(daily, age=OLD + number) for number in range(130)]
    foreign = {add(daily, name=f"standup-{number}", age=OLD + number) for number in range(30)}

    rooms.invoke(SWEEP)

    assert set(daily.rooms) == busy | foreign
    assert daily.count("ListRooms") == 3
    assert daily.count("BatchRoomDelete") == 3
    assert sum(metric["value"][0] for metric in emf(capfd.readouterr().out)) == len(dead)


def test_pages_end_where_no_room_of_ours_can_be_alive(rooms: RoomsFunction, daily: DailyStub, whole: Domain) -> None:
    for number in range(250):
        add(daily, name=f"standup-{number}", age=100_000 + number)
    ours = add(daily)

    assert [room.name for room in whole.rooms(since=time.time() - 7200)] == [ours]
    assert daily.count("ListRooms") == 1


def test_a_list_that_does_not_go_on_is_an_error_and_no_endless_loop(
    rooms: RoomsFunction, daily: DailyStub, monkeypatch: pytest.MonkeyPatch, log_text: io.StringIO
) -> None:
    for _ in range(150):
        add(daily)
    first_page = daily._list({"limit": "100"}).payload
    for second in (first_page, {**first_page, "data": []}):
        daily.faults["ListRooms"] = [Fault(body=json.dumps(page).encode()) for page in (first_page, second)]
        with pytest.raises(rooms.module.RoomsError):
            rooms.invoke(SWEEP)

    assert log_text.getvalue().count("ListRooms: the list does not go on after 100 of 150 rooms") == 2
    assert len(daily.rooms) == 150


@pytest.mark.parametrize(
    "room",
    [
        {},
        "a room",
        {"id": "1", "name": 7, "created_at": "2026-11-30T19:00:00.000Z"},
        {"id": "1", "name": "a", "created_at": "yesterday"},
        {"id": "1&limit=1", "name": "a", "created_at": "2026-11-30T19:00:00.000Z"},
    ],
)
def test_a_malformed_list_deletes_nothing(rooms: RoomsFunction, daily: DailyStub, room: Any) -> None:
    name = add(daily)
    page = {"total_count": 2, "data": [daily.rooms[name], room]}
    daily.faults["ListRooms"] = [Fault(body=json.dumps(page).encode())]

    with pytest.raises(rooms.module.RoomsError, match="daily_failed"):
        rooms.invoke(SWEEP)

    assert list(daily.rooms) == [name]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(gone=st.sets(st.integers(0, 16)), count=st.integers(1, 17))
def test_whichever_rooms_have_gone_the_others_are_deleted(
    whole: Domain, daily: DailyStub, gone: set[int], count: int
) -> None:
    daily.rooms = {}
    names = [add(daily) for _ in range(count)]
    bystander = add(daily)
    for number in gone & set(range(count)):
        del daily.rooms[names[number]]
    there = len(daily.rooms) - 1

    assert whole.delete(names=names) == there
    assert list(daily.rooms) == [bystander]


def test_a_batch_is_never_larger_than_daily_takes(
    whole: Domain, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "BATCH", 7)
    names = [add(daily) for _ in range(20)]

    assert whole.delete(names=names) == 20
    sizes = [len(asked.payload["room_names"]) for asked in daily.asked if asked.operation == "BatchRoomDelete"]
    assert sorted(sizes) == [6, 7, 7]
