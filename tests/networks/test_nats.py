"""What the NATs do is measured, not believed."""

import json
import sys
from pathlib import Path

import pytest

from tests.networks.lab import Namespace
from tests.networks.place import Place
from tests.networks.topology import TURN_ADDRESSES

_PROGRAM = Path(__file__).parent / "nat_behaviour.py"


@pytest.mark.parametrize(
    ("machine", "mapping", "filtering"),
    [
        # Symmetric, as a NAT gateway: another port for each peer.
        ("agent", "address-and-port-dependent", "address-and-port-dependent"),
        # Port-restricted, as a router at home.
        ("caller", "endpoint-independent", "address-and-port-dependent"),
        ("public_caller", "endpoint-independent", "endpoint-independent"),
    ],
)
def test_nat_behaves_as_it_is_called(place: Place, machine: str, mapping: str, filtering: str) -> None:
    namespace: Namespace = getattr(place.networks, machine)
    measured = json.loads(namespace.run(sys.executable, str(_PROGRAM), TURN_ADDRESSES[0], "3478"))
    assert measured == {"mapping": mapping, "filtering": filtering}
