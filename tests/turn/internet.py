"""A VPC's public subnet with two coturn servers, its internet gateway, and a caller outside, in network namespaces.

The gateway gives each server its public address one to one, as EC2 does. It doesn't prove what EC2's network does
besides: security groups, and whether the instance's metadata service answers.
"""

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.networks.lab import Lab, Namespace
from tests.networks.waiting import wait_until

CALLER: Final = "198.51.100.10"
# Public to private, as the gateway translates them.
SERVERS: Final = {"203.0.113.5": "10.60.0.5", "203.0.113.6": "10.60.0.6"}
FIRST, SECOND = SERVERS
# Of the VPC, of its services, and of whatever else a private network leads to. The gateway has them all.
PRIVATE_HOSTS: Final = ("10.60.0.1", "10.99.0.1", "169.254.169.254", "172.16.0.9", "192.168.7.7", "100.64.0.9")
PUBLIC_HOST: Final = "192.0.2.9"

_NAT: Final = """
table ip nat {{
  chain prerouting {{ type nat hook prerouting priority dstnat; dnat to ip daddr map {{ {inward} }}; }}
  chain postrouting {{ type nat hook postrouting priority srcnat; snat to ip saddr map {{ {outward} }}; }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A namespace that tests can open sockets in. `pid` is a process in it."""

    namespace: Namespace
    pid: int

    def call[T](self, work: Callable[[], T]) -> T:
        """What a function answers that runs in a thread within the namespace."""
        answers: list[T] = []
        errors: list[BaseException] = []

        def enter_and_work() -> None:
            try:
                with open(f"/proc/{self.pid}/ns/net") as network:
                    os.setns(network.fileno(), os.CLONE_NEWNET)
                answers.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                errors.append(error)

        thread = threading.Thread(target=enter_and_work)
        thread.start()
        thread.join(timeout=120)
        if errors:
            raise errors[0]
        return answers[0]

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine whose sockets are in the namespace."""
        return self.call(lambda: asyncio.run(coroutine))

    def listen(self, address: str, port: int) -> "Listener":
        """A service on UDP in the namespace."""
        return self.call(lambda: Listener(address, port))


class Listener:
    """Hears packets, and sends some itself."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.setblocking(False)
        self._heard: list[bytes] = []

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def heard(self) -> list[bytes]:
        """All that has come until now."""
        with suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(2048))
        return self._heard

    def send(self, data: bytes, peer: tuple[str, int]) -> None:
        self._socket.sendto(data, peer)


@dataclass(frozen=True, kw_only=True)
class Internet:
    """`servers` by public address."""

    caller: Machine
    gateway: Machine
    servers: dict[str, Machine]


@contextmanager
def open_internet(lab: Lab) -> Iterator[Internet]:
    """Build it within a lab, until the end of the block."""
    gateway, caller = lab.add("gateway"), lab.add("caller")
    servers = {public: lab.add(f"server{number}") for number, public in enumerate(SERVERS)}
    gateway.ip("link", "add", "vpc", "type", "bridge")
    gateway.ip("addr", "add", "10.60.0.1/24", "dev", "vpc")
    gateway.ip("link", "set", "vpc", "up")
    for address in (*PRIVATE_HOSTS[1:], PUBLIC_HOST):
        gateway.ip("addr", "add", f"{address}/32", "dev", "lo")
    _link(lab, gateway, caller, f"{CALLER}/24")
    gateway.ip("addr", "add", "198.51.100.1/24", "dev", "to-caller")
    caller.ip("route", "add", "default", "via", "198.51.100.1")
    for public, server in servers.items():
        _link(lab, gateway, server, f"{SERVERS[public]}/24")
        gateway.ip("link", "set", f"to-{server.name}", "master", "vpc")
        server.ip("route", "add", "default", "via", "10.60.0.1")
    gateway.set("net/ipv4/ip_forward", "1")
    pairs = [(f"{public} : {private}", f"{private} : {public}") for public, private in SERVERS.items()]
    inward, outward = (", ".join(column) for column in zip(*pairs, strict=True))
    gateway.nft(_NAT.format(inward=inward, outward=outward))
    with ExitStack() as stack:
        yield Internet(
            caller=stack.enter_context(_machine(caller)),
            gateway=stack.enter_context(_machine(gateway)),
            servers={public: stack.enter_context(_machine(server)) for public, server in servers.items()},
        )


def _link(lab: Lab, gateway: Namespace, machine: Namespace, address: str) -> None:
    end = ["name", "eth0", "netns", machine.name]
    lab.ip("link", "add", f"to-{machine.name}", "netns", gateway.name, "type", "veth", "peer", *end)
    machine.ip("addr", "add", address, "dev", "eth0")
    machine.ip("link", "set", "eth0", "up")
    gateway.ip("link", "set", f"to-{machine.name}", "up")


@contextmanager
def _machine(namespace: Namespace) -> Iterator[Machine]:
    """A process holds the namespace open for threads to enter."""
    command = namespace.command("cat")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin
        try:
            # All the words before `cat` replace themselves by the next.
            wait_until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "cat\n", within=10)
            yield Machine(namespace=namespace, pid=process.pid)
        finally:
            process.stdin.close()
