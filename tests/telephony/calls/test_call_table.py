import dataclasses
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from time_machine import travel

from shared import call_table
from shared.call_table import CallTable
from shared.errors import ApiError
from tests.connect.aws_stub import Reply
from tests.telephony.calls.dynamodb import DynamoDb

OPERATIONS: dict[str, Callable[[CallTable], object]] = {
    "PutItem": lambda table: table.put_once(key="a", expires=soon()),
    "GetItem": lambda table: table.get(key="a"),
    "UpdateItem": lambda table: table.update(key="a", values={"b": 1}),
    "DeleteItem": lambda table: table.delete(key="a"),
}


def soon() -> int:
    return int(time.time()) + 60


def test_what_is_put_can_be_got(table: CallTable) -> None:
    expires = soon()

    assert table.put_once(key="call#1", expires=expires, values={"status": "queued", "rank": 2, "body": ""})
    assert table.get(key="call#1") == {"pk": "call#1", "expires": expires, "status": "queued", "rank": 2, "body": ""}
    assert table.get(key="call#2") is None


def test_a_second_put_changes_nothing(table: CallTable) -> None:
    table.put_once(key="a", expires=soon(), values={"by": "first"})

    assert not table.put_once(key="a", expires=soon(), values={"by": "second"})
    assert (table.get(key="a") or {})["by"] == "first"


def test_of_many_puts_at_once_one_succeeds(table: CallTable) -> None:
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda _: table.put_once(key="a", expires=soon()), range(40)))

    assert sorted(results) == [False] * 39 + [True]


def test_an_expired_item_that_is_still_there_is_absent(table: CallTable, dynamodb: DynamoDb) -> None:
    with travel("2026-03-01T12:00:00Z", tick=False) as clock:
        table.put_once(key="a", expires=int(time.time()) + 30, values={"by": "first"})
        clock.shift(29.9)
        assert table.get(key="a")
        assert table.update(key="a", values={"by": "updated"})
        assert not table.put_once(key="a", expires=soon())
        clock.shift(0.1)

        assert "a" in dynamodb.items
        assert table.get(key="a") is None
        assert not table.update(key="a", values={"by": "too late"})
        assert table.put_once(key="a", expires=soon(), values={"by": "second"})
        assert (table.get(key="a") or {})["by"] == "second"


def test_an_update_sets_what_it_names_and_keeps_the_rest(table: CallTable) -> None:
    table.put_once(key="a", expires=soon(), values={"kept": "x", "status": "queued"})

    assert table.update(key="a", values={"status": "ringing", "added": 7})
    assert {"kept": "x", "status": "ringing", "added": 7}.items() <= (table.get(key="a") or {}).items()


@pytest.mark.parametrize(
    ("one_of", "below", "done"),
    [
        ({"id": ("", "CA1")}, {"rank": 4}, True),
        ({"id": ("CA1",)}, {}, False),
        ({"id": ("",)}, {"rank": 3}, False),
        ({"missing": ("",)}, {}, False),
        ({}, {"missing": 9}, False),
        ({}, {}, True),
    ],
)
def test_an_update_is_carried_out_only_where_all_its_conditions_hold(
    table: CallTable, one_of: dict[str, tuple[str, ...]], below: dict[str, int], done: bool
) -> None:
    table.put_once(key="a", expires=soon(), values={"id": "", "rank": 3})

    assert table.update(key="a", values={"new": 1}, one_of=one_of, below=below) == done
    assert ("new" in (table.get(key="a") or {})) == done


def test_an_update_makes_no_item(table: CallTable, dynamodb: DynamoDb) -> None:
    assert not table.update(key="a", values={"b": 1})
    assert not dynamodb.items


def test_a_counter_stops_at_its_limit_however_many_count_at_once(table: CallTable, dynamodb: DynamoDb) -> None:
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda _: table.count(key="rate", limit=7, expires=soon()), range(40)))

    assert sorted(results) == [False] * 33 + [True] * 7
    assert dynamodb.values("rate")["n"] == 7, "what is refused is not counted"


def test_what_is_deleted_is_gone_and_may_be_deleted_again(table: CallTable) -> None:
    table.put_once(key="a", expires=soon())

    table.delete(key="a")
    table.delete(key="a")

    assert table.get(key="a") is None
    assert table.put_once(key="a", expires=soon())


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("status", "error_type", "expected"),
    [
        (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", 503),
        (400, "com.amazon.coral.availability#ThrottlingException", 503),
        (500, "com.amazonaws.dynamodb.v20120810#InternalServerError", 503),
        (503, "", 503),
        (400, "com.amazon.coral.validate#ValidationException", 500),
        (400, "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", 500),
        (400, "com.amazon.coral.service#AccessDeniedException", 500),
        (302, "", 500),
    ],
)
def test_a_failure_is_never_taken_for_an_answer(
    table: CallTable, dynamodb: DynamoDb, operation: str, status: int, error_type: str, expected: int
) -> None:
    dynamodb.fails[operation] = Reply(status=status, body=json.dumps({"__type": error_type}).encode())

    with pytest.raises(ApiError) as raised:
        OPERATIONS[operation](table)

    assert raised.value.status == expected
    assert raised.value.code == ("call_table_unavailable" if expected == 503 else "wrong_setup")
    assert ("retry-after" in raised.value.headers) == (expected == 503)
    assert raised.value.note == f"{operation}: HTTP {status} {error_type.rpartition('#')[2]}".rstrip()
    assert dynamodb.operations == [operation], "one try"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_table_out_of_reach_is_told_as_such(table: CallTable, operation: str) -> None:
    gone = dataclasses.replace(table, endpoint_url="http://127.0.0.1:1")

    with pytest.raises(ApiError) as raised:
        OPERATIONS[operation](gone)

    assert (raised.value.status, raised.value.code) == (503, "call_table_unavailable")
    assert raised.value.note == f"{operation}: EndpointConnectionError"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"Item": 1}', b'{"Item": {"pk": "a"}}', b'{"Item": {"pk": {"BOOL": true}}}']
)
def test_a_malformed_answer_is_no_item(table: CallTable, dynamodb: DynamoDb, body: bytes) -> None:
    dynamodb.fails["GetItem"] = Reply(body=body)

    with pytest.raises(ApiError) as raised:
        table.get(key="a")

    assert raised.value.note == "GetItem: malformed answer"


def test_a_silent_table_is_given_up_on(table: CallTable, monkeypatch: pytest.MonkeyPatch, dynamodb: DynamoDb) -> None:
    monkeypatch.setattr(call_table, "TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    with dynamodb.silence(), pytest.raises(ApiError) as raised:
        table.put_once(key="a", expires=soon())

    assert raised.value.note == "PutItem: ReadTimeoutError"
    assert time.monotonic() - began < 40, "the table's own patience, a carrier's being no longer"
