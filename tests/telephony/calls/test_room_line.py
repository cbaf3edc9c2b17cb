"""Calls that an agent places from a room at Daily: the same API, the same table, the same promise to dial once."""

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from time_machine import Traveller, travel

from shared.call_status import CallStatus, note_status
from shared.call_table import CallTable
from shared.daily import key
from telephony.calls.record import LONGEST_CALL_SECONDS, find_call
from telephony.carriers import load
from telephony.phone_session import pseudonym, session_id_of
from tests.connect.aws_stub import Reply, running
from tests.connect.conftest import SECRET_KEY, SESSION_KEY
from tests.rooms.daily_stub import API_KEY, DailyStub, Fault, running_daily
from tests.telephony import daily_account
from tests.telephony.calls.conftest import BERLIN, DESK, NOON, VARIABLES, Answered, Api
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.daily_account import NUMBER_ID, PREFIX
from tests.telephony.phone_aws import PhoneAws

CALLERS_WORD = "the-callers-own-word"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def daily() -> Iterator[DailyStub]:
    with running_daily(DailyStub()) as stub:
        yield stub


@pytest.fixture
def aws() -> Iterator[PhoneAws]:
    with running(PhoneAws(secret_key=SECRET_KEY)) as stub:
        assert isinstance(stub, PhoneAws)
        stub.put_secret(VARIABLES["SWITCHBOARD_SESSION_KEY_SECRET_ARN"], SESSION_KEY)
        stub.put_secret(daily_account.SECRET_ARN, daily_account.secret())
        yield stub


class RoomApi:
    """The calls API of a deployment that calls through Daily."""

    def __init__(self, *, api: Api) -> None:
        self.api = api

    def place(self, to: str = BERLIN, *, key: str = "key-1", **more: Any) -> Answered:
        return self.api.place(to, key=key, carrier="daily", **more)


@pytest.fixture
def rooms(api: Api, aws: PhoneAws, daily: DailyStub, monkeypatch: pytest.MonkeyPatch) -> RoomApi:
    variables = {
        **daily_account.VARIABLES,
        "SWITCHBOARD_CARRIERS": "vonage,daily",
        "DAILY_API_URL": daily.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": aws.url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for user in ("telephony.calls.place", "telephony.calls.end"):
        monkeypatch.setattr(f"{user}.load", load)
    monkeypatch.setattr(key, "_cache", {})
    return RoomApi(api=api)


def session_of(call: str) -> str:
    return session_id_of(key=SESSION_KEY.encode(), carrier="daily", call_id=f"call {call}")


def room_of(call: str) -> str:
    return f"{PREFIX}-{session_of(call)[:32]}"


@pytest.fixture
def confidential(rooms: RoomApi, log_text: io.StringIO, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Nobody's number, and nothing that lets anybody into the room, is written anywhere."""
    yield
    captured = capfd.readouterr()
    written = log_text.getvalue() + captured.out + captured.err
    assert '"message":"request"' in written
    kept = (BERLIN, BERLIN[1:], DESK, NUMBER_ID, API_KEY, SESSION_KEY, "daily.co", f"{PREFIX}-", CALLERS_WORD)
    assert not [text for text in kept if text in written]


@pytest.mark.usefixtures("confidential")
def test_a_call_goes_out_from_a_room_of_its_own(rooms: RoomApi, aws: PhoneAws, daily: DailyStub) -> None:
    placed = rooms.place(body={"customer": CALLERS_WORD})

    assert (placed.status, placed.body["carrier"], placed.body["status"]) == (201, "daily", "queued")
    call = placed.body["id"]
    (asked,) = daily.asked
    assert (asked.operation, asked.payload["name"]) == ("CreateRoom", room_of(call))
    properties = asked.payload["properties"]
    assert properties["enable_dialout"] is True
    assert "sip" not in properties
    assert properties["exp"] == pytest.approx(NOON + 600, abs=120), "no longer than telephony.max_call_seconds"
    (invoked,) = aws.invoke_requests
    assert invoked.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == session_of(call)
    message = invoked.message
    claims = jwt.decode(message.pop("token"), API_KEY, algorithms=["HS256"])
    assert (claims["r"], claims["o"]) == (room_of(call), True)
    assert message == {
        "type": "join",
        "roomUrl": daily.rooms[room_of(call)]["url"],
        "expires": properties["exp"],
        "body": {"customer": CALLERS_WORD},
        "caller": pseudonym(key=SESSION_KEY.encode(), number=BERLIN),
        "phone": {
            "direction": "outbound",
            "call": call,
            "number": BERLIN,
            "callerId": NUMBER_ID,
            "transferTo": DESK,
            "machineDetection": True,
        },
    }


@pytest.mark.usefixtures("confidential")
def test_the_record_follows_what_the_agent_says(rooms: RoomApi, table: CallTable, clock: Traveller) -> None:
    """As the rooms function writes it, whose carrier's id of the call is our own."""
    call = rooms.place().body["id"]
    told: tuple[CallStatus, ...] = ("ringing", "answered", "ringing", "completed", "failed")
    seen = []
    for status in told:
        clock.shift(10)
        note_status(call=call, call_id=call, status=status, table=table)
        seen.append(rooms.api.status(call).body["status"])

    assert seen == ["ringing", "answered", "answered", "completed", "completed"]
    assert rooms.api.status(call).body["durationSeconds"] == pytest.approx(20, abs=5)


def test_the_same_key_dials_nobody_twice(rooms: RoomApi, aws: PhoneAws, daily: DailyStub) -> None:
    first, again, other = rooms.place(), rooms.place(), rooms.place(key="key-2")

    assert first.body == again.body
    assert other.body["id"] != first.body["id"]
    assert (len(daily.made), len(aws.invoke_requests)) == (2, 2)


def test_of_many_requests_with_one_key_at_once_one_dials(rooms: RoomApi, aws: PhoneAws, daily: DailyStub) -> None:
    start = threading.Barrier(8)

    def place(_: int) -> int:
        start.wait()
        return rooms.place().status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(place, range(8)))

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert (len(daily.made), len(aws.invoke_requests)) == (1, 1)


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize("reply", [Reply(status=424), Reply(status=500)])
def test_an_agent_that_may_have_dialed_is_not_asked_again(
    rooms: RoomApi, aws: PhoneAws, daily: DailyStub, table: CallTable, reply: Reply
) -> None:
    aws.invocations = [reply, Reply()]

    placed = rooms.place()

    assert (placed.status, placed.body["status"]) == (202, "unknown")
    assert daily.rooms == {}, "whoever was dialed is hung up"
    assert rooms.place().body["id"] == placed.body["id"]
    assert len(aws.invoke_requests) == 1
    note_status(call=placed.body["id"], call_id=placed.body["id"], status="failed", table=table)
    assert rooms.api.status(placed.body["id"]).body["status"] == "failed"


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(status=429), 503, "agentcore_busy"),
        (Reply(status=403), 502, "agentcore_refused"),
        (Reply(body=b'{"error": {"code": "no_daily", "message": "x"}}'), 501, "no_daily"),
    ],
)
def test_an_agent_that_did_not_begin_gives_the_key_back(
    rooms: RoomApi, aws: PhoneAws, daily: DailyStub, reply: Reply, status: int, code: str
) -> None:
    aws.invocations = [reply, Reply()]

    refused = rooms.place()

    assert (refused.status, refused.code) == (status, code)
    assert daily.rooms == {}
    assert rooms.place().status == 201


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(Fault(status=500), 502, "daily_failed"), (Fault(status=400), 502, "daily_failed")],
)
def test_without_a_room_nobody_is_dialed(
    rooms: RoomApi, aws: PhoneAws, daily: DailyStub, fault: Fault, status: int, code: str
) -> None:
    daily.faults["CreateRoom"] = [fault]

    refused = rooms.place()

    assert (refused.status, refused.code) == (status, code)
    assert not aws.invoke_requests
    assert rooms.place().status == 201


@pytest.mark.usefixtures("confidential")
def test_a_secret_that_is_not_filled_in_is_found_before_anything_is_written(
    rooms: RoomApi, aws: PhoneAws, dynamodb: DynamoDb
) -> None:
    aws.put_secret(daily_account.SECRET_ARN, daily_account.secret(api_key=""))

    refused = rooms.place()

    assert (refused.status, refused.code) == (503, "daily_secret_unusable")
    assert set(dynamodb.operations) == {"GetItem"}
    aws.put_secret(daily_account.SECRET_ARN, daily_account.secret())
    assert rooms.place().status == 201


@pytest.mark.usefixtures("confidential")
def test_limits_and_quiet_hours_are_those_of_every_carrier(rooms: RoomApi, clock: Traveller, daily: DailyStub) -> None:
    assert [rooms.place(key=f"key-{count}").status for count in range(4)] == [201, 201, 201, 429]
    clock.move_to(NOON + 10 * 3600)
    assert rooms.place(key="key-at-night").code == "quiet_hours"
    assert rooms.place(to="+12125550199", key="the-desk").code == "own_number"
    assert len(daily.made) == 3


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize(("before", "after"), [(None, "canceled"), ("ringing", "canceled"), ("answered", "completed")])
def test_hanging_up_stops_the_agent_and_deletes_the_room(
    rooms: RoomApi, aws: PhoneAws, daily: DailyStub, table: CallTable, before: CallStatus | None, after: str
) -> None:
    call = rooms.place().body["id"]
    if before:
        note_status(call=call, call_id=call, status=before, table=table)

    daily.present[room_of(call)] = ["agent", None]

    assert rooms.api.end(call).status == 204
    assert daily.rooms == {}
    (ejected,) = [asked.payload["ids"] for asked in daily.asked if asked.operation == "Eject"]
    assert len(ejected) == 2, "who was called has no user's name, and is hung up by being put out"
    (stopped,) = aws.stop_requests
    assert stopped.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == session_of(call)
    assert rooms.api.status(call).body["status"] == after
    assert rooms.api.end(call).status == 204
    assert len(aws.stop_requests) == 1, "it is over"


def test_a_call_that_was_answered_and_forgotten_is_completed_by_hanging_up(
    rooms: RoomApi, table: CallTable, clock: Traveller
) -> None:
    """Its agent was killed: nobody told of the end, and the room is long gone."""
    call = rooms.place().body["id"]
    note_status(call=call, call_id=call, status="answered", table=table)
    clock.shift(LONGEST_CALL_SECONDS)
    assert rooms.api.status(call).body["status"] == "unknown"

    assert rooms.api.end(call).status == 204
    assert rooms.api.status(call).body["status"] == "completed"


def test_a_call_that_nobody_knows_of_can_be_hung_up_all_the_same(
    rooms: RoomApi, aws: PhoneAws, daily: DailyStub
) -> None:
    """Other carriers' calls can't: their carrier's id isn't known. This one's session is."""
    aws.invocations = [Reply(status=424)]
    call = rooms.place().body["id"]

    assert rooms.api.end(call).status == 204
    assert (len(aws.stop_requests), rooms.api.status(call).body["status"]) == (1, "canceled")


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize("operation", ["GetRoomPresence", "Eject", "DeleteRoom"])
def test_a_room_that_can_not_be_ended_now_is_left_to_the_sweep(
    rooms: RoomApi, daily: DailyStub, operation: str
) -> None:
    call = rooms.place().body["id"]
    daily.present[room_of(call)] = [None]
    daily.faults[operation] = [Fault(status=500)]

    assert rooms.api.end(call).status == 204
    assert list(daily.rooms) == [room_of(call)]
    assert rooms.api.status(call).body["status"] == "canceled"


@pytest.mark.usefixtures("confidential")
def test_an_agent_that_can_not_be_stopped_loses_its_room(
    rooms: RoomApi, aws: PhoneAws, daily: DailyStub, table: CallTable
) -> None:
    call = rooms.place().body["id"]
    aws.stop = Reply(status=500)

    assert (rooms.api.end(call).status, daily.rooms) == (502, {})
    record = find_call(call=call, table=table)
    assert record is not None
    assert not record.ended, "until it is known"
    assert json.loads(aws.stop_requests[0].body)["clientToken"]
