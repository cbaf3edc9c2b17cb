"""The real coturn on what the stack renders: whom it serves, whom it refuses, and where it never relays to."""

import asyncio
import json
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from aioice import stun, turn

from stacks.components.coturn.configuration import ALLOCATIONS_PER_USER, DENIED_IPV4, RELAY_PORTS
from stacks.components.coturn.telemetry import LOG_METRICS
from tests.networks.lab import Lab, open_lab
from tests.networks.waiting import wait_until
from tests.turn.client import (
    OK,
    SHARED_SECRET,
    Credentials,
    allocation,
    credentials,
    error_code,
    exchange,
    refused_with,
)
from tests.turn.conftest import Certificate
from tests.turn.instance import Instance, World, boot
from tests.turn.internet import (
    CALLER,
    FIRST,
    PRIVATE_HOSTS,
    PUBLIC_HOST,
    SECOND,
    SERVERS,
    Internet,
    Listener,
    open_internet,
)

LOG = "/var/log/turnserver/turnserver.log"
UNAUTHORIZED, FORBIDDEN, UNSUPPORTED_TRANSPORT, WRONG_FAMILY, QUOTA_REACHED = 401, 403, 442, 443, 486
PORT = 5000
# First and last addresses of the networks, and EC2's own services.
PRIVATE_IPV4 = (
    *("0.0.0.0", "0.255.255.255", "10.0.0.0", "10.60.0.1", "10.60.0.6", "10.255.255.255"),  # noqa: S104
    *("100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.123"),
    *("169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.255.255", "172.16.0.0", "172.31.255.255"),
    *("192.0.0.0", "192.0.0.255", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255"),
)
PRIVATE_IPV6 = (
    *("::1", "100::1", "fc00::", "fd00::", "fd00:ec2::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("fe80::", "fe80::1", "febf:ffff::1", "fec0::1", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:255.255.255.255"),
    *("::ffff:0:10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2001::1", "2002:a9fe:a9fe::1"),
)


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("other", [FIRST, SECOND], ids=["one server", "two servers"])
@pytest.mark.usefixtures("servers")
def test_callers_reach_each_other_through_relays(
    internet: Internet, certificate: Certificate, way: str, other: str
) -> None:
    async def call() -> None:
        context = ssl.create_default_context(cafile=certificate.path)
        transport, port, tls = {
            "udp": ("udp", 3478, None),
            "tcp": ("tcp", 3478, None),
            "tls": ("tcp", 443, context),
        }[way]
        async with allocation(FIRST, port=port, transport=transport, tls=tls) as caller, allocation(other) as agent:
            assert caller.address[0] == FIRST
            assert agent.address[0] == other
            await exchange(caller, agent)

    internet.caller.run(call())


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize(
    "given",
    [
        credentials(secret="another secret"),
        credentials(valid_for=-1),
        Credentials(username="caller", credential="none"),
    ],
    ids=["wrong", "expired", "no expiry"],
)
def test_other_credentials_are_refused(internet: Internet, given: Credentials) -> None:
    assert internet.caller.run(refused_with(FIRST, given=given)) == UNAUTHORIZED


@pytest.mark.usefixtures("servers")
def test_a_relay_of_tcp_connections_is_refused(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6062 would let a caller open connections to services of others."""
    monkeypatch.setattr(turn, "UDP_TRANSPORT", turn.TCP_TRANSPORT)

    async def ask() -> int:
        try:
            async with allocation(FIRST, transport="tcp"):
                return OK
        except stun.TransactionFailed as refusal:
            return error_code(refusal)

    assert internet.caller.run(ask()) == UNSUPPORTED_TRANSPORT


@pytest.mark.usefixtures("servers")
def test_an_allocation_outlives_its_credentials(internet: Internet) -> None:
    """coturn checks the expiry when it allocates, and not again."""
    given = credentials(valid_for=1)

    async def call() -> int:
        async with allocation(FIRST, given=given) as caller:
            async with asyncio.timeout(10):
                while await refused_with(FIRST, given=given) == OK:  # noqa: ASYNC110 - the server's clock decides
                    await asyncio.sleep(0.1)
            return await caller.refresh()

    assert internet.caller.run(call()) == OK


@pytest.mark.usefixtures("servers")
def test_one_user_gets_so_many_allocations_and_others_still_get_theirs(internet: Internet) -> None:
    async def call() -> tuple[int, int]:
        greedy = credentials(user="greedy")
        async with AsyncExitStack() as stack:
            for _ in range(ALLOCATIONS_PER_USER):
                await stack.enter_async_context(allocation(FIRST, given=greedy))
            later = credentials(user="greedy", valid_for=400)
            return await refused_with(FIRST, given=later), await refused_with(FIRST, given=credentials(user="other"))

    assert internet.caller.run(call()) == (QUOTA_REACHED, OK)


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("address", PRIVATE_IPV4)
def test_private_networks_are_no_peers(internet: Internet, address: str) -> None:
    async def ask() -> tuple[int, int]:
        async with allocation(FIRST) as caller:
            return await caller.permit(address), await caller.bind(address)

    assert internet.caller.run(ask()) == (FORBIDDEN, FORBIDDEN)


@pytest.mark.usefixtures("servers")
def test_public_neighbours_of_private_networks_are_peers(internet: Internet) -> None:
    networks = [ip_network(cidr) for cidr in DENIED_IPV4]
    beside = [int(edge) + step for network in networks for edge, step in ((network[0], -1), (network[-1], 1))]
    addresses = [ip_address(number) for number in beside if 0 < number < 2**32]
    public = [str(address) for address in addresses if not any(address in network for network in networks)]

    async def ask() -> dict[str, int]:
        async with allocation(FIRST) as caller:
            return {address: await caller.permit(address) for address in public}

    assert internet.caller.run(ask()) == dict.fromkeys(public, OK)
    assert {"11.0.0.0", "172.32.0.0", "169.253.255.255", "100.128.0.0"} <= set(public)


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("address", [*PRIVATE_IPV6, "::", "2606:4700::1"])
def test_ipv6_has_no_peers(internet: Internet, address: str) -> None:
    async def ask() -> tuple[int, int]:
        async with allocation(FIRST) as caller:
            return await caller.permit(address), await caller.bind(address)

    assert internet.caller.run(ask()) == (WRONG_FAMILY, WRONG_FAMILY)


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("target", [SERVERS[FIRST], FIRST], ids=["private address", "public address"])
def test_nothing_but_relays_is_reached_on_the_server_itself(internet: Internet, target: str) -> None:
    """coturn takes its public address for its private one and permits both: the kernel's rules are what helps."""
    with (
        internet.servers[FIRST].listen(SERVERS[FIRST], PORT) as service,
        internet.gateway.listen(PUBLIC_HOST, PORT) as elsewhere,
        internet.gateway.listen("10.60.0.1", 0) as neighbour,
    ):
        codes = internet.caller.run(_relay_to([target], elsewhere))
        assert codes == [OK]
        assert service.heard() == []
        neighbour.send(b"from beside", (SERVERS[FIRST], PORT))
        wait_until(lambda: service.heard() == [b"from beside"], within=5)


def test_the_kernel_stops_what_coturn_lets_through(tmp_path: Path, world_of_one: World) -> None:
    """With coturn's own list taken away, no packet comes to a private network all the same."""
    unlisted = world_of_one.user_data(edit=lambda text: re.sub("denied-peer-ip=.*", "", text))
    with one_server(world_of_one, tmp_path / "disk", user_data=unlisted) as (internet, _), ExitStack() as stack:
        private = [stack.enter_context(internet.gateway.listen(host, PORT)) for host in PRIVATE_HOSTS]
        elsewhere = stack.enter_context(internet.gateway.listen(PUBLIC_HOST, PORT))
        codes = internet.caller.run(_relay_to(PRIVATE_HOSTS, elsewhere))
        assert codes == [OK] * len(PRIVATE_HOSTS)
        assert [listener.heard() for listener in private] == [[]] * len(PRIVATE_HOSTS)


def test_the_ipv6_list_holds_if_a_server_ever_relays_to_ipv6(tmp_path: Path, world_of_one: World) -> None:
    relay = "2001:db8:5::5"
    dual = "\nrelay-ip=10.60.0.5\nrelay-ip=2001:db8:5::5\nallocation-default-address-family=ipv6\n"
    user_data = world_of_one.user_data(edit=lambda text: text + dual)

    async def ask(addresses: Sequence[str]) -> dict[str, int]:
        async with allocation(FIRST) as caller:
            assert caller.address[0] == relay
            return {address: await caller.permit(address) for address in addresses}

    with one_server(world_of_one, tmp_path / "disk", user_data=user_data, addresses=[relay]) as (internet, _):
        assert internet.caller.run(ask(PRIVATE_IPV6)) == dict.fromkeys(PRIVATE_IPV6, FORBIDDEN)
        public = ("2606:4700::1", "2a00:1450::1", "2001:4860:4860::8888")
        assert internet.caller.run(ask(public)) == dict.fromkeys(public, OK)


@pytest.mark.usefixtures("servers")
def test_only_the_ports_of_turn_listen(internet: Internet) -> None:
    lines = internet.servers[FIRST].namespace.run("ss", "-Hlntu").splitlines()
    sockets = {(words[0], *words[4].rsplit(":", 1)) for words in map(str.split, lines)}
    address = SERVERS[FIRST]
    relays = {(kind, host, port) for kind, host, port in sockets if kind == "udp" and int(port) >= RELAY_PORTS[0]}
    assert sockets - relays == {("udp", address, "3478"), ("tcp", address, "3478"), ("tcp", address, "443")}


def test_the_log_has_what_is_counted_and_no_secret(
    internet: Internet, servers: dict[str, Instance], tmp_path: Path, world_of_one: World
) -> None:
    given = credentials()

    async def call() -> None:
        async with allocation(FIRST, given=given, transport="tcp") as caller:
            assert await caller.permit("10.0.0.1") == FORBIDDEN
            assert await refused_with(FIRST, given=credentials(secret="another secret")) == UNAUTHORIZED
            async with AsyncExitStack() as stack:
                for _ in range(ALLOCATIONS_PER_USER - 1):
                    await stack.enter_async_context(allocation(FIRST, given=given))
                assert await refused_with(FIRST, given=given) == QUOTA_REACHED

    with one_server(world_of_one, tmp_path / "disk", user_data=world_of_one.user_data()) as (own_internet, server):
        own_internet.caller.run(call())
        # The end of a session is logged with the caller's address.
        wait_until(lambda: CALLER in server.file(LOG), within=10)
        log = server.file(LOG)
        agent = json.loads(server.file("/etc/coturn-server/cloudwatch-agent.json"))
    (file, _) = agent["logs"]["logs_collected"]["files"]["collect_list"]
    excluded = [rule["expression"] for rule in file["filters"] if rule["type"] == "exclude"]
    shipped = [line for line in log.splitlines() if not any(re.search(pattern, line) for pattern in excluded)]
    counted = {name: sum(words in line for line in shipped) for name, words in LOG_METRICS.items()}
    assert counted == {
        "Allocations": ALLOCATIONS_PER_USER,
        "RefusedCredentials": 1,
        "QuotaReached": 1,
        "DeniedPeers": 1,
    }
    assert not any(address in "\n".join(shipped) for address in (CALLER, FIRST, *SERVERS.values(), "10.0.0.1"))
    for whole_log in (log, *(instance.file(LOG) for instance in servers.values())):
        assert SHARED_SECRET not in whole_log
        assert given.credential not in whole_log


@pytest.fixture
def world_of_one(lab: Lab, tmp_path: Path, certificate: Certificate) -> World:
    return World(tmp_path / "aws", addresses={FIRST: 0}, certificate=certificate.secret())


@contextmanager
def one_server(
    world: World, disk: Path, *, user_data: str, addresses: Sequence[str] = ()
) -> Iterator[tuple[Internet, Instance]]:
    """An internet with the first server in it, which has some further addresses."""
    with open_lab() as lab, open_internet(lab) as internet:
        machine = internet.servers[FIRST]
        for address in addresses:
            machine.namespace.ip("addr", "add", f"{address}/64", "dev", "lo")
        with boot(
            machine,
            world=world,
            instance_id="i-0",
            private_address=SERVERS[FIRST],
            disk=disk,
            user_data=user_data,
        ) as instance:
            assert instance.code == 0, instance.boot_log
            yield internet, instance


async def _relay_to(targets: Sequence[str], elsewhere: Listener) -> list[int]:
    """Ask for permission for each target, send to it, and then to a public host until that hears of it.

    Answers the codes that the permissions had. All packets take the same way, so what was to come has come by then.
    """
    codes = []
    for target in targets:
        async with allocation(FIRST) as caller:
            codes.append(await caller.permit(target))
            caller.indicate(b"from a relay", (target, PORT))
            await caller.refresh()
    async with allocation(FIRST) as caller, asyncio.timeout(10):
        assert await caller.permit(PUBLIC_HOST) == OK
        while not elsewhere.heard():
            caller.indicate(b"from a relay", (PUBLIC_HOST, PORT))
            await asyncio.sleep(0.05)
    return codes
