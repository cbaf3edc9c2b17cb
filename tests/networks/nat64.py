"""DNS64 and NAT64 (RFC 6147, RFC 6146) on the router of the agent that has only IPv6: unbound and tayga."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.networks.lab import Namespace
from tests.networks.topology import NAT64_ADDRESS6, TURN_ADDRESSES
from tests.networks.turn_server import HOST_NAME
from tests.networks.waiting import wait_until

# Not 64:ff9b::/96: who wants to reach an IPv4 literal has to find out the prefix (RFC 7050).
PREFIX = "2001:db8:64::"
_POOL = "192.168.255.0/24"  # tayga gives each IPv6 address one of these, and the NAT behind it hides them all

_TAYGA = f"""
tun-device nat64
ipv4-addr 192.168.255.1
ipv6-addr 2001:db8:20:ffff::1
prefix {PREFIX}/96
dynamic-pool {_POOL}
data-dir {{directory}}
"""

_UNBOUND = f"""
server:
  interface: {NAT64_ADDRESS6}
  access-control: ::/0 allow
  module-config: "dns64 iterator"
  dns64-prefix: {PREFIX}/96
  directory: "{{directory}}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
remote-control:
  control-enable: no
auth-zone:
  name: "."
  zonefile: "{{zone}}"
  for-upstream: yes
  for-downstream: no
"""

_ZONE = f"""
. 60 IN SOA ns.example. hostmaster.example. 1 60 60 60 60
. 60 IN NS ns.example.
ns.example. 60 IN A {TURN_ADDRESSES[0]}
{HOST_NAME}. 60 IN A {TURN_ADDRESSES[0]}
ipv4only.arpa. 60 IN A 192.0.0.170
ipv4only.arpa. 60 IN A 192.0.0.171
"""


@contextmanager
def nat64(*, router: Namespace, directory: Path) -> Iterator[None]:
    """Translate names and packets of the machines behind this router, until the end of the block."""
    with ExitStack() as programs:
        programs.enter_context(_tayga(router, directory))
        programs.enter_context(_unbound(router, directory))
        yield


@contextmanager
def _tayga(router: Namespace, directory: Path) -> Iterator[None]:
    configuration = directory / "tayga.conf"
    configuration.write_text(_TAYGA.format(directory=directory))
    router.run("tayga", "--config", str(configuration), "--mktun")
    router.ip("link", "set", "nat64", "up")
    router.ip("route", "add", _POOL, "dev", "nat64")
    router.ip("route", "add", f"{PREFIX}/96", "dev", "nat64")
    with _program(router.command("tayga", "--config", str(configuration), "--nodetach")):
        wait_until(lambda: "LOWER_UP" in router.ip("link", "show", "nat64"), within=10)
        yield


@contextmanager
def _unbound(router: Namespace, directory: Path) -> Iterator[None]:
    configuration, zone = directory / "unbound.conf", directory / "root.zone"
    zone.write_text(_ZONE)
    configuration.write_text(_UNBOUND.format(directory=directory, zone=zone))
    with _program(router.command("unbound", "-d", "-c", str(configuration))):
        wait_until(lambda: f"[{NAT64_ADDRESS6}]:53" in router.run("ss", "-Hlnu"), within=10)
        yield


@contextmanager
def _program(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()
