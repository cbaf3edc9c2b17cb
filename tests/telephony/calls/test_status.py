from collections.abc import Iterator

import pytest
from time_machine import Traveller, travel

from shared.call_status import CallStatus, note_status
from shared.call_table import CallTable
from telephony.calls.record import LONGEST_CALL_SECONDS, note_machine
from tests.connect.aws_stub import Reply
from tests.telephony.calls.conftest import NOON, Api
from tests.telephony.calls.dynamodb import DynamoDb


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOON, tick=False) as traveller:
        yield traveller


def test_the_caller_is_told_what_became_of_their_call(api: Api, table: CallTable, clock: Traveller) -> None:
    placed = api.place().body
    clock.shift(10)
    note_status(call=placed["id"], call_id="C1", status="answered", table=table)
    note_machine(call=placed["id"], call_id="C1", machine="machine", table=table)
    clock.shift(20)
    note_status(call=placed["id"], call_id="C1", status="completed", table=table)

    answered = api.status(placed["id"])

    assert answered.status == 200
    assert answered.headers["cache-control"] == "no-store"
    assert answered.body == placed | {
        "status": "completed",
        "answeredAt": "2026-03-01T12:00:10Z",
        "answeredBy": "machine",
        "endedAt": "2026-03-01T12:00:30Z",
        "durationSeconds": 20,
    }


@pytest.mark.parametrize(("told", "shown"), [("answered", "unknown"), ("ringing", "unknown"), ("busy", "busy")])
def test_a_call_whose_end_nobody_told_is_not_said_to_go_on_for_ever(
    api: Api, table: CallTable, clock: Traveller, told: CallStatus, shown: str
) -> None:
    call = api.place().body["id"]
    note_status(call=call, call_id="C1", status=told, table=table)
    clock.shift(LONGEST_CALL_SECONDS - 1)
    assert api.status(call).body["status"] == told

    clock.shift(1)

    assert api.status(call).body["status"] == shown


def test_another_callers_call_looks_like_one_that_is_not_there(api: Api) -> None:
    call = api.place(subject="ann").body["id"]

    foreign, missing, malformed = api.status(call, subject="bob"), api.status("a" * 22), api.status("../x")

    assert {(answer.status, answer.code, answer.message) for answer in (foreign, missing, malformed)} == {
        (404, "unknown_call", foreign.message)
    }


def test_without_the_table_a_call_is_not_called_unknown(api: Api, dynamodb: DynamoDb) -> None:
    call = api.place().body["id"]
    dynamodb.fails["GetItem"] = Reply(status=500)

    assert (api.status(call).status, api.status(call).code) == (503, "call_table_unavailable")
