from concurrent.futures import ThreadPoolExecutor

import pytest
from time_machine import travel

from shared.call_table import CallTable
from shared.errors import ApiError
from telephony.calls.limits import count_call
from tests.telephony.calls.dynamodb import DynamoDb

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z


def placed(table: CallTable, owner: str, *, per_caller: int = 3, in_all: int = 5) -> bool:
    try:
        count_call(table=table, owner=owner, per_caller=per_caller, in_all=in_all)
    except ApiError as error:
        return error.status != 429
    return True


def test_a_caller_over_their_limit_takes_nothing_from_the_others(table: CallTable, dynamodb: DynamoDb) -> None:
    with travel(NOON, tick=False):
        assert [placed(table, "ann") for _ in range(6)] == [True] * 3 + [False] * 3
        assert [placed(table, "bob") for _ in range(3)] == [True] * 2 + [False]

    window = NOON // 60
    assert dynamodb.values(f"rate#{window}#all")["n"] == 5
    assert dynamodb.values(f"rate#{window}#ann")["n"] == 3
    assert dynamodb.values(f"rate#{window}#bob")["n"] == 3, "a call refused for all is counted once for its caller"


def test_the_limits_begin_anew_with_each_minute(table: CallTable) -> None:
    with travel(NOON + 59.9, tick=False) as clock:
        assert [placed(table, "ann", per_caller=1) for _ in range(2)] == [True, False]
        clock.shift(0.1)
        assert [placed(table, "ann", per_caller=1) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(("second", "wait"), [(0, "60"), (0.5, "60"), (1, "59"), (59, "1"), (59.9, "1")])
def test_the_refusal_says_when_the_next_minute_begins(table: CallTable, second: float, wait: str) -> None:
    with travel(NOON + second, tick=False):
        placed(table, "ann", per_caller=1)
        with pytest.raises(ApiError) as raised:
            count_call(table=table, owner="ann", per_caller=1, in_all=5)

    assert raised.value.headers == {"retry-after": wait}
    assert raised.value.message == (
        f"No more than 1 calls a minute can be placed by this caller. Try again in {wait} s."
    )


def test_the_refusal_says_which_limit_was_reached(table: CallTable) -> None:
    with travel(NOON, tick=False):
        placed(table, "ann", in_all=1)
        with pytest.raises(ApiError) as raised:
            count_call(table=table, owner="bob", per_caller=3, in_all=1)

    assert "by this service" in raised.value.message


def test_however_many_come_at_once_no_more_are_let_through(table: CallTable) -> None:
    with travel(NOON, tick=False), ThreadPoolExecutor(20) as pool:
        results = list(
            pool.map(lambda number: placed(table, f"caller-{number % 5}", per_caller=3, in_all=10), range(60))
        )

    assert sum(results) == 10


def test_a_counter_is_cleared_away_some_time_after_its_minute(table: CallTable, dynamodb: DynamoDb) -> None:
    with travel(NOON, tick=False):
        placed(table, "ann")

    assert {dynamodb.values(key)["expires"] for key in dynamodb.items} == {NOON + 120}
