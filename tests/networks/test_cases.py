"""The product's own agent and caller in every case of the table."""

from pathlib import Path

import pytest

from tests.networks.cases import CASES, Case, Connects, Fails, Programs
from tests.networks.firewall import turn_protocol
from tests.networks.outcome import Outcome
from tests.networks.place import Place

_TRIES = 3  # for a limit of time: a busy machine is slow; what happens has to be the same in each


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(place: Place, case: Case) -> None:
    within = case.expected.within or float("inf")
    for _ in range(_TRIES):
        outcome = place.call(case)
        check(outcome, case, place)
        if outcome.seconds <= within:
            return
    pytest.fail(f"{outcome.seconds:.2f} s in the last of {_TRIES} tries; the limit is {within} s")


def check(outcome: Outcome, case: Case, place: Place) -> None:
    match case.expected:
        case Connects() as expected:
            assert outcome.pair == expected.pair, outcome
            if case.programs is Programs.PRODUCT:
                assert any(outcome.latencies), "no echo came back"
            if not expected.turn_by_chance:
                assert turn_protocol(place.networks.caller_nat) == expected.caller_turn
                assert turn_protocol(place.agent_router(case)) == expected.agent_turn
        case Fails() as expected:
            assert outcome.pair is None, outcome
            assert outcome.error == expected.error, outcome


def test_the_guide_shows_every_case() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()
    assert [case.name for case in CASES if f"| {case.name} |" not in guide] == []
