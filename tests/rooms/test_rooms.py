"""One session's room: its making, its properties, and its end, also where answers get lost."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from shared.credentials import Credentials
from shared.daily.rooms import Phone, Room, create_room, delete_room, find_room, take_back_room
from shared.daily.settings import DailySettings, Recording
from shared.errors import ApiError
from tests.connect.test_handler import emf
from tests.rooms.conftest import ROOM, SESSION_ID
from tests.rooms.daily_stub import PREFIX, DailyStub, Fault


class Rooms:
    """The functions under test, for one session."""

    def __init__(self, *, daily: DailySettings, credentials: Credentials) -> None:
        self.daily, self.credentials = daily, credentials

    def create(self, *, seconds: float = 5.0, phone: Phone = "none", **change: Any) -> Room:
        return create_room(
            session_id=SESSION_ID,
            daily=replace(self.daily, **change),
            credentials=self.credentials,
            deadline=time.monotonic() + seconds,
            phone=phone,
        )

    def find(self) -> Room | None:
        return find_room(
            session_id=SESSION_ID, daily=self.daily, credentials=self.credentials, deadline=time.monotonic() + 5
        )

    def delete(self) -> bool:
        return delete_room(
            session_id=SESSION_ID, daily=self.daily, credentials=self.credentials, deadline=time.monotonic() + 5
        )

    def take_back(self) -> str:
        return take_back_room(session_id=SESSION_ID, daily=self.daily, credentials=self.credentials, seconds=3.0)


@pytest.fixture
def rooms_of(settings: DailySettings, credentials: Credentials) -> Rooms:
    return Rooms(daily=settings, credentials=credentials)


def test_a_room_is_private_ends_and_takes_audio_only(rooms_of: Rooms, daily: DailyStub) -> None:
    began = int(time.time())
    room = rooms_of.create()

    (asked,) = daily.asked
    assert (asked.operation, set(asked.payload)) == ("CreateRoom", {"name", "privacy", "properties"})
    assert (asked.payload["name"], asked.payload["privacy"]) == (ROOM, "private")
    expires = asked.payload["properties"].pop("exp")
    assert began + 3600 <= expires <= time.time() + 3600
    assert asked.payload["properties"] == {
        "eject_at_room_exp": True,
        "max_participants": 4,
        "enable_chat": False,
        "enable_prejoin_ui": False,
        "start_video_off": True,
        "permissions": {"canSend": ["audio"]},
    }
    assert room == Room(name=ROOM, url=f"https://example.daily.co/{ROOM}", expires=expires)
    assert SESSION_ID[32:] not in room.url, "the half that proves the owner"


@pytest.mark.parametrize("recording", ["cloud", "cloud-audio-only", "raw-tracks"])
def test_a_region_and_a_recording_only_where_they_are_asked_for(
    rooms_of: Rooms, daily: DailyStub, recording: Recording
) -> None:
    rooms_of.create(geo="eu-central-1", recording=recording)

    properties = daily.asked[0].payload["properties"]
    assert (properties["geo"], properties["enable_recording"]) == ("eu-central-1", recording)


SIP = {"display_name": "Caller", "video": False, "sip_mode": "dial-in", "num_endpoints": 1}


@pytest.mark.parametrize(
    ("phone", "properties"),
    [
        ("dial-in", {"sip": SIP}),
        ("dial-out", {"enable_dialout": True}),
        ("dial-in-and-out", {"sip": SIP, "enable_dialout": True}),
    ],
)
def test_a_phone_s_room_has_what_the_call_needs(
    rooms_of: Rooms, daily: DailyStub, phone: Phone, properties: dict[str, Any]
) -> None:
    rooms_of.create(phone=phone)

    asked = daily.asked[0].payload["properties"]
    assert {name: asked[name] for name in ("sip", "enable_dialout") if name in asked} == properties


def test_a_second_room_of_a_session_is_refused_and_the_first_stays(rooms_of: Rooms, daily: DailyStub) -> None:
    rooms_of.create()

    with pytest.raises(ApiError) as raised:
        rooms_of.create()

    assert (raised.value.status, raised.value.code) == (409, "room_exists")
    assert list(daily.rooms) == [ROOM]


@pytest.mark.parametrize("fault", [Fault(hang="after"), Fault(body=b"{"), Fault(body=b"{}"), Fault(status=500)])
def test_a_room_that_may_be_there_although_the_answer_was_lost_is_deleted(
    rooms_of: Rooms, daily: DailyStub, fault: Fault
) -> None:
    daily.faults["CreateRoom"] = [fault]

    with pytest.raises(ApiError) as raised:
        rooms_of.create(seconds=2.0)

    assert raised.value.code in ("daily_unreachable", "daily_failed")
    assert daily.count("DeleteRoom") == 1
    assert not daily.rooms


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault(status=429, headers={"retry-after": "99"}), "daily_busy"), (Fault(status=401), "daily_refused_key")],
)
def test_a_room_that_surely_is_not_there_is_not_deleted(
    rooms_of: Rooms, daily: DailyStub, fault: Fault, code: str
) -> None:
    daily.faults["CreateRoom"] = [fault]

    with pytest.raises(ApiError) as raised:
        rooms_of.create()

    assert raised.value.code == code
    assert daily.count("DeleteRoom") == 0


def test_properties_that_daily_refuses_are_502(rooms_of: Rooms, daily: DailyStub) -> None:
    with pytest.raises(ApiError) as raised:
        rooms_of.create(max_participants=201)

    assert (raised.value.status, raised.value.code) == (502, "daily_failed")
    assert raised.value.note == "CreateRoom: HTTP 400 invalid-request-error"
    assert daily.count("DeleteRoom") == 0


def test_a_room_is_found_until_it_is_gone(rooms_of: Rooms, daily: DailyStub) -> None:
    assert rooms_of.find() is None
    room = rooms_of.create()
    assert rooms_of.find() == room
    daily.rooms[ROOM]["config"]["exp"] = int(time.time()) - 1
    assert rooms_of.find() is None


def test_a_room_beyond_its_end_is_gone_whatever_daily_says(rooms_of: Rooms, daily: DailyStub) -> None:
    rooms_of.create()
    expired = {**daily.rooms[ROOM], "config": {"exp": int(time.time()) - 1}}
    daily.faults["GetRoomConfig"] = [Fault(body=json.dumps(expired).encode())]

    assert rooms_of.find() is None


def test_deleting_says_whether_there_was_one(rooms_of: Rooms, daily: DailyStub) -> None:
    rooms_of.create()

    assert rooms_of.delete()
    assert not rooms_of.delete()
    assert not daily.rooms


def test_an_expired_room_is_gone_already(rooms_of: Rooms, daily: DailyStub) -> None:
    daily.add_room(ROOM, seconds=-1)

    assert not rooms_of.delete()


def test_a_room_that_stays_is_counted_for_the_operator(
    rooms_of: Rooms, daily: DailyStub, capfd: pytest.CaptureFixture[str]
) -> None:
    rooms_of.create()
    daily.faults["DeleteRoom"] = [Fault(status=429, headers={"retry-after": "30"})]

    assert rooms_of.take_back() == "room left to the sweep: DeleteRoom: HTTP 429 until the time was over"
    assert rooms_of.take_back() == "room deleted"
    assert rooms_of.take_back() == "room already gone"
    counted = [(metric["name"], metric["deployment"]) for metric in emf(capfd.readouterr().out)]
    assert counted == [("RoomsLeft", PREFIX), ("RoomsDeleted", PREFIX)]


def test_of_many_at_once_one_makes_the_room(rooms_of: Rooms, daily: DailyStub) -> None:
    def attempt(_: int) -> str:
        try:
            return rooms_of.create().name
        except ApiError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(attempt, range(8)))

    assert outcomes == ["room_exists"] * 7 + [ROOM]
    assert daily.made == [ROOM]
