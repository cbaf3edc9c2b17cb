"""Switches on a NAT router: what it drops, and a count of the packets that go to TURN."""

import json
from enum import StrEnum

from tests.networks.lab import Namespace

# Before the router's own rules, so that nothing established gets past a switch.
_TABLE = """
table inet switch {{}}
delete table inet switch
table inet switch {{
  counter turn_udp {{}}
  counter turn_tcp {{}}
  counter turn_tls {{}}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    {rules}
    udp dport {{ 443, 3478 }} counter name turn_udp
    tcp dport 3478 counter name turn_tcp
    tcp dport 443 counter name turn_tls
  }}
}}
"""

_FEW_PACKETS = 20  # more than STUN sends, and less than half a second of audio


class Firewall(StrEnum):
    """What a router lets through; the value is its nftables rules."""

    OPEN = ""
    NO_UDP = "meta l4proto udp drop"
    ONLY_TCP_443 = "tcp dport 443 counter name turn_tls accept; tcp sport 443 accept; drop"
    LOSS = "numgen random mod 100 < 5 drop"
    NOTHING = "drop"


def switch(router: Namespace, firewall: Firewall) -> None:
    """From now on this router lets through only this; its counts start at 0."""
    router.nft(_TABLE.format(rules=firewall.value))


def turn_packets(router: Namespace) -> dict[str, int]:
    """How many packets went to TURN since the last switch, by protocol: udp, tcp, tls."""
    counters = json.loads(router.run("nft", "--json", "list", "counters", "table", "inet", "switch"))["nftables"]
    counted = [item["counter"] for item in counters if "counter" in item]
    return {counter["name"].removeprefix("turn_"): counter["packets"] for counter in counted}


def turn_protocol(router: Namespace) -> str | None:
    """The protocol in which audio went to TURN since the last switch."""
    packets = turn_packets(router)
    most = max(packets, key=packets.__getitem__)
    return most if packets[most] > _FEW_PACKETS else None
