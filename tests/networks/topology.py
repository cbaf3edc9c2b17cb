"""The networks: a public segment, and behind real NATs a caller, an agent, and another agent that has only IPv6."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.networks.lab import Lab, Namespace, open_lab

# RFC 5737 and RFC 3849: addresses for documentation, which nobody has.
TURN_ADDRESSES = ("203.0.113.5", "203.0.113.6")
# The TURN machine has these too. At the first nothing listens; the others are a strict server's front and its coturn.
SILENT_ADDRESS, STRICT_ADDRESS, BEHIND_STRICT_ADDRESS = "203.0.113.7", "203.0.113.8", "203.0.113.9"
AGENT_NAT_ADDRESS, HOME_NAT_ADDRESS, NAT64_ADDRESS = "203.0.113.20", "203.0.113.30", "203.0.113.40"
PUBLIC_CALLER_ADDRESS = "203.0.113.50"
AGENT_ADDRESS, CALLER_ADDRESS = "10.20.0.10", "192.168.77.10"
AGENT6_ADDRESS, NAT64_ADDRESS6 = "2001:db8:20::10", "2001:db8:20::1"
# A NAT gateway picks a port for each destination; a router at home keeps the one that the caller's socket has.
SYMMETRIC, PORT_RESTRICTED = "masquerade fully-random", "masquerade"

_NAT = """
table ip nat {{
  chain postrouting {{ type nat hook postrouting priority srcnat; oifname "eth0" {masquerade}; }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The machines, by what stands on them."""

    turn: Namespace
    agent: Namespace
    agent_nat: Namespace
    agent6: Namespace
    nat64: Namespace
    caller: Namespace
    caller_nat: Namespace
    public_caller: Namespace


@contextmanager
def real_networks(*, directory: Path) -> Iterator[Networks]:
    """The networks until the end of the block. `directory` is for their files. Raises `NotPermittedError`."""
    resolv_conf = directory / "resolv.conf"
    resolv_conf.write_text(f"nameserver {NAT64_ADDRESS6}\n")
    with open_lab() as lab:
        internet = lab.add("internet")
        internet.set("net/ipv4/ip_forward", "0")
        internet.ip("link", "add", "pub", "type", "bridge")
        internet.ip("addr", "add", "203.0.113.1/24", "dev", "pub")
        internet.ip("link", "set", "pub", "up")
        networks = Networks(
            turn=_public(lab, "turn", *TURN_ADDRESSES, SILENT_ADDRESS, STRICT_ADDRESS, BEHIND_STRICT_ADDRESS),
            agent_nat=_nat(_public(lab, "agent-nat", AGENT_NAT_ADDRESS), masquerade=SYMMETRIC),
            agent=lab.add("agent"),
            nat64=_nat(_public(lab, "nat64", NAT64_ADDRESS), masquerade=SYMMETRIC),
            agent6=lab.add("agent6", resolv_conf=resolv_conf),
            caller_nat=_nat(_public(lab, "caller-nat", HOME_NAT_ADDRESS), masquerade=PORT_RESTRICTED),
            caller=lab.add("caller"),
            public_caller=_public(lab, "public-caller", PUBLIC_CALLER_ADDRESS),
        )
        _behind(networks.agent_nat, networks.agent, gateway="10.20.0.1", address=AGENT_ADDRESS, bits=24)
        _behind(networks.caller_nat, networks.caller, gateway="192.168.77.1", address=CALLER_ADDRESS, bits=24)
        _behind(networks.nat64, networks.agent6, gateway=NAT64_ADDRESS6, address=AGENT6_ADDRESS, bits=64)
        yield networks


def _public(lab: Lab, name: str, *addresses: str) -> Namespace:
    machine = lab.add(name)
    _join(lab, left=machine, left_link="eth0", right=Namespace(lab=lab, name="internet"), right_link=name)
    lab.ip("-n", "internet", "link", "set", name, "master", "pub")
    for address in addresses:
        machine.ip("addr", "add", f"{address}/24", "dev", "eth0")
    # Addresses that nobody has lead to a router that drops them: coturn ends an allocation at "network unreachable".
    machine.ip("route", "add", "default", "via", "203.0.113.1")
    return machine


def _nat(machine: Namespace, *, masquerade: str) -> Namespace:
    machine.set("net/ipv4/ip_forward", "1")
    machine.set("net/ipv6/conf/all/forwarding", "1")
    machine.nft(_NAT.format(masquerade=masquerade))
    return machine


def _behind(nat: Namespace, machine: Namespace, *, gateway: str, address: str, bits: int) -> None:
    _join(nat.lab, left=machine, left_link="eth0", right=nat, right_link="eth1")
    flags = ["nodad"] if ":" in address else []
    nat.ip("addr", "add", f"{gateway}/{bits}", "dev", "eth1", *flags)
    machine.ip("addr", "add", f"{address}/{bits}", "dev", "eth0", *flags)
    machine.ip("route", "add", "default", "via", gateway)


def _join(lab: Lab, *, left: Namespace, left_link: str, right: Namespace, right_link: str) -> None:
    peer = ["peer", "name", right_link, "netns", right.name]
    lab.ip("link", "add", left_link, "netns", left.name, "type", "veth", *peer)
    left.ip("link", "set", left_link, "up")
    right.ip("link", "set", right_link, "up")
