"""Relayed calls that outlive their credentials: `make soak`, more than 11 minutes each."""

from dataclasses import dataclass

import pytest

from tests.networks.cases import Case, Connects, Side
from tests.networks.firewall import turn_packets
from tests.networks.outcome import Outcome
from tests.networks.place import Place
from tests.networks.refused_refresh import call_with_refused_refresh, check_restarted
from tests.networks.turn_server import CREDENTIAL_SECONDS

_PAUSE_SECONDS = 10.0
_ALLOCATION_SECONDS = 600  # RFC 8656, 3.2; aioice refreshes after 5/6 of it

pytestmark = pytest.mark.timeout(0)


@dataclass(frozen=True, kw_only=True)
class Length:
    """The length of a call, and in proportion those of its credentials and its allocations."""

    minutes: float
    credential_seconds: float
    allocation_seconds: int


@pytest.fixture
def length(pytestconfig: pytest.Config) -> Length:
    minutes: float = pytestconfig.getoption("--minutes")
    part = minutes / 11.5
    return Length(
        minutes=minutes,
        credential_seconds=part * CREDENTIAL_SECONDS,
        allocation_seconds=round(part * _ALLOCATION_SECONDS),
    )


def test_coturn_keeps_a_call(place: Place, length: Length, capsys: pytest.CaptureFixture[str]) -> None:
    side = Side(valid_for=length.credential_seconds)
    case = Case(name="relayed call", caller=side, agent=side, expected=Connects())
    outcome = place.call(case, minutes=length.minutes, pause=_PAUSE_SECONDS)
    tell(outcome, place, length=length, capsys=capsys)
    assert outcome.pair == "relay-relay"
    assert not outcome.ending
    assert not outcome.interruptions
    assert all(outcome.latencies), "an echo did not come back"


def test_a_strict_turn_server_does_not_end_a_call(
    place: Place, length: Length, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = place.agent.calls_ended()
    outcome = call_with_refused_refresh(
        place,
        minutes=length.minutes,
        pause=_PAUSE_SECONDS,
        valid_for=length.credential_seconds,
        options=(f"--max-allocate-lifetime={length.allocation_seconds}",),
    )
    tell(outcome, place, length=length, capsys=capsys)
    check_restarted(outcome)
    place.agent.wait_until_idle()
    assert place.agent.calls_ended() == ended + 1, "the restart began another call"


def tell(outcome: Outcome, place: Place, *, length: Length, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the line that the documents quote."""
    answered = sum(latency is not None for latency in outcome.latencies)
    packets = [sum(turn_packets(router).values()) for router in (place.networks.caller_nat, place.networks.agent_nat)]
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{length.minutes:g} minutes with credentials of {length.credential_seconds:.0f} s: "
            f"{answered} of {len(outcome.latencies)} sentences answered, ICE restarts: {len(outcome.interruptions)}"
            f"{''.join(f' ({seconds:.1f} s without media)' for seconds in outcome.interruptions)}, "
            f"packets to TURN from the caller {packets[0]}, from the agent {packets[1]}, "
            f"{outcome.frames} frames of 20 ms heard"
        )
