"""The call whose TURN server refuses to refresh an allocation, because the credentials have expired."""

from tests.networks.cases import Case, Connects, Side
from tests.networks.outcome import Outcome
from tests.networks.place import Place
from tests.networks.topology import STRICT_ADDRESS
from tests.networks.turn_server import strict_turn_server


def call_with_refused_refresh(
    place: Place,
    *,
    minutes: float,
    valid_for: float,
    options: tuple[str, ...],
    pause: float = 0.0,
) -> Outcome:
    """Both sides have the strict server alone, with `options` of coturn's, and credentials for so many seconds."""
    side = Side(ice=((f"turn:{STRICT_ADDRESS}:3478?transport=udp",),), valid_for=valid_for)
    case = Case(name="refused refresh", caller=side, agent=side, expected=Connects())
    with strict_turn_server(machine=place.networks.turn, directory=place.directory, options=options):
        return place.call(case, minutes=minutes, pause=pause)


def check_restarted(outcome: Outcome) -> None:
    """It went on through an ICE restart with fresh credentials."""
    assert outcome.pair == "relay-relay"
    assert not outcome.ending
    assert outcome.interruptions, "the TURN server refused nothing"
    assert outcome.latencies[0], "there was no echo before the restart"
    assert outcome.latencies[-1], "there was no echo after the restart"
