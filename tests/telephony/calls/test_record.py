import re
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from time_machine import travel

from shared.call_status import DIALING, FINAL_STATUSES, UNKNOWN, CallStatus, note_status
from shared.call_table import CallTable
from telephony.calls.record import (
    CallRecord,
    add_record,
    find_call,
    new_call_id,
    note_dialed,
    note_machine,
    note_unknown,
    owner_of,
    remove_record,
)
from tests.telephony.calls.dynamodb import DynamoDb

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
STATUSES: tuple[CallStatus, ...] = (
    "queued",
    "ringing",
    "answered",
    "completed",
    "busy",
    "no-answer",
    "failed",
    "canceled",
)
ORDER = {"queued": 0, "ringing": 1, "answered": 2} | dict.fromkeys(FINAL_STATUSES, 3)


def added(table: CallTable, *, created_at: int = NOON) -> str:
    call = new_call_id()
    record = CallRecord(
        call=call,
        carrier="twilio",
        status=DIALING,
        owner=owner_of(subject="ann"),
        to="+49******20",
        body='{"a":1}',
        created_at=created_at,
    )
    add_record(record=record, table=table)
    return call


def found(table: CallTable, call: str) -> CallRecord:
    record = find_call(call=call, table=table)
    assert record
    return record


def test_a_calls_life_is_told_step_by_step(table: CallTable) -> None:
    with travel(NOON, tick=False) as clock:
        call = added(table)
        note_dialed(call=call, dialed_id="CA1", table=table)
        first = {"id": call, "status": "queued", "carrier": "twilio", "to": "+49******20"}
        assert found(table, call).as_json() == {**first, "createdAt": "2026-03-01T12:00:00Z"}
        clock.shift(5)
        assert note_status(call=call, call_id="CA1", status="ringing", table=table)
        clock.shift(5)
        assert note_status(call=call, call_id="CA1", status="answered", table=table)
        assert note_machine(call=call, call_id="CA1", machine="human", table=table)
        clock.shift(90)
        assert note_status(call=call, call_id="CA1", status="completed", table=table)

        assert found(table, call).as_json() == {
            **first,
            "status": "completed",
            "createdAt": "2026-03-01T12:00:00Z",
            "answeredAt": "2026-03-01T12:00:10Z",
            "answeredBy": "human",
            "endedAt": "2026-03-01T12:01:40Z",
            "durationSeconds": 90,
        }


def test_a_call_that_nobody_answered_has_no_duration(table: CallTable) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        note_status(call=call, call_id="CA1", status="no-answer", table=table)

        shown = found(table, call).as_json()
    assert (shown["status"], shown["endedAt"]) == ("no-answer", "2026-03-01T12:00:00Z")
    assert not {"answeredAt", "answeredBy", "durationSeconds"} & shown.keys()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(statuses=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=6))
def test_in_whatever_order_webhooks_come_a_call_never_goes_back(table: CallTable, statuses: list[CallStatus]) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        reached = -1
        for status in statuses:
            assert note_status(call=call, call_id="CA1", status=status, table=table) == (ORDER[status] > reached)
            reached = max(reached, ORDER[status])
            assert ORDER[found(table, call).status] == reached


@pytest.mark.parametrize("order", list(permutations(("dialed", "ringing", "answered"))))
def test_webhooks_that_overtake_the_carriers_own_answer_are_not_undone(
    table: CallTable, order: tuple[str, ...]
) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        for step in order:
            if step == "dialed":
                note_dialed(call=call, dialed_id="request-1", table=table)
            else:
                note_status(call=call, call_id="CA1", status=step, table=table)  # type: ignore[arg-type]

        record = found(table, call)
    assert (record.status, record.dialed_id, record.carrier_call_id) == ("answered", "request-1", "CA1")


def test_the_first_webhook_binds_the_carriers_id_and_others_are_not_this_call(table: CallTable) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        note_status(call=call, call_id="CA1", status="ringing", table=table)

        assert not note_status(call=call, call_id="CA2", status="completed", table=table)
        assert not note_machine(call=call, call_id="CA2", machine="machine", table=table)
        record = found(table, call)
    assert (record.status, record.carrier_call_id, record.answered_by) == ("ringing", "CA1", "")


def test_a_machines_result_may_be_the_first_webhook_and_stays(table: CallTable) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        assert note_machine(call=call, call_id="CA1", machine="machine", table=table)
        assert not note_machine(call=call, call_id="CA1", machine="human", table=table)

        record = found(table, call)
    assert (record.answered_by, record.carrier_call_id, record.status) == ("machine", "CA1", DIALING)


def test_whoever_dialed_and_never_came_back_leaves_an_unknown_call(table: CallTable) -> None:
    with travel(NOON, tick=False) as clock:
        call = added(table)
        clock.shift(29)
        assert found(table, call).status == DIALING
        clock.shift(1)
        assert found(table, call).status == UNKNOWN
        note_status(call=call, call_id="CA1", status="answered", table=table)
        assert found(table, call).status == "answered", "its carrier knew"


def test_an_unknown_call_becomes_known_by_its_webhooks_and_not_the_other_way_round(table: CallTable) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        note_unknown(call=call, table=table)
        assert found(table, call).status == UNKNOWN
        note_status(call=call, call_id="CA1", status="ringing", table=table)
        note_unknown(call=call, table=table)
        assert found(table, call).status == "ringing"


def test_a_call_is_kept_for_two_days(table: CallTable) -> None:
    with travel(NOON, tick=False) as clock:
        call = added(table)
        clock.shift(48 * 3600 - 1)
        assert find_call(call=call, table=table)
        clock.shift(1)
        assert find_call(call=call, table=table) is None
        assert not note_status(call=call, call_id="CA1", status="ringing", table=table)


def test_a_call_that_is_taken_back_is_gone(table: CallTable) -> None:
    with travel(NOON, tick=False):
        call = added(table)
        remove_record(call=call, table=table)

        assert find_call(call=call, table=table) is None


@pytest.mark.parametrize("text", ["", "x", "a" * 21, "a" * 23, "a" * 21 + "/", "a" * 21 + "\n", "ä" * 22])
def test_what_is_no_id_is_not_looked_up(table: CallTable, dynamodb: DynamoDb, text: str) -> None:
    assert find_call(call=text, table=table) is None
    assert not dynamodb.operations


def test_ids_are_new_and_fit_for_a_url() -> None:
    ids = {new_call_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", call) for call in ids)


def test_a_record_shows_nothing_of_its_caller(table: CallTable, dynamodb: DynamoDb) -> None:
    with travel(NOON, tick=False):
        record = found(table, added(table))

    assert not [word for word in (record.call, record.owner, record.body) if word in repr(record)]
    assert '"ann"' not in dynamodb.texts()


def test_a_webhook_does_not_wait_for_what_only_placing_a_call_needs() -> None:
    program = (
        "import sys, telephony.handler, telephony.events, telephony.phone_call; print('phonenumbers' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[3] / "lambda"), "PYTHONDONTWRITEBYTECODE": "1"}

    run = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert run.stdout == "False\n"
