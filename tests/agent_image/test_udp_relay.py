"""The relay between sockets of this machine: what it passes, what it doesn't, and what it holds."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from daily_room import udp_relay
from daily_room.udp_relay import UdpRelay
from tests.agent_image.agent_process import until

HOST = "127.0.0.1"
Address = tuple[str, int]
_WITHIN_SECONDS = 20.0


def open_socket(port: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind((HOST, port))
    return opened


async def receive(receiver: socket.socket) -> tuple[bytes, Address]:
    async with asyncio.timeout(_WITHIN_SECONDS):
        data, address = await asyncio.get_running_loop().sock_recvfrom(receiver, 65_535)
        return data, address


async def exchange(client: socket.socket, server: socket.socket, relay: UdpRelay, data: bytes = b"hello") -> Address:
    """Send to the server and back; the address that the server sees."""
    client.sendto(data, (relay.host, relay.port))
    received, seen = await receive(server)
    assert received == data
    server.sendto(data[::-1], seen)
    assert await receive(client) == (data[::-1], (relay.host, relay.port))
    return seen


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with open_socket() as opened:
        yield opened


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with open_socket() as opened:
        yield opened


@pytest.fixture
async def relay(server: socket.socket) -> AsyncIterator[UdpRelay]:
    opened = UdpRelay(host=HOST, server=server.getsockname())
    yield opened
    opened.close()


async def test_each_port_has_a_socket_of_its_own(server: socket.socket, client: socket.socket, relay: UdpRelay) -> None:
    with open_socket() as other:
        seen = await exchange(client, server, relay)
        seen_of_other = await exchange(other, server, relay, b"other")
        server.sendto(b"late", seen)

        assert seen != seen_of_other
        assert await receive(client) == (b"late", (relay.host, relay.port))
        assert await exchange(client, server, relay) == seen


@pytest.mark.parametrize("size", [0, 1, 1200, 9000, 65_507])
async def test_a_datagram_stays_whole(size: int, server: socket.socket, client: socket.socket, relay: UdpRelay) -> None:
    data = os.urandom(size)
    client.sendto(data, (relay.host, relay.port))
    received, seen = await receive(server)
    server.sendto(received, seen)

    assert received == data
    assert (await receive(client))[0] == data


async def test_more_than_it_takes_at_once_comes_in_order(
    server: socket.socket, client: socket.socket, relay: UdpRelay
) -> None:
    sent = [str(number).encode() for number in range(100)]
    for data in sent:
        client.sendto(data, (relay.host, relay.port))
    received = [await receive(server) for _ in sent]
    for data, seen in received:
        server.sendto(data, seen)

    assert [data for data, _ in received] == sent
    assert [(await receive(client))[0] for _ in sent] == sent


async def test_ipv6_is_carried_to_ipv4(server: socket.socket) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        try:
            client.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6, not even loopback's")
        relay = UdpRelay(host="::1", server=server.getsockname())
        try:
            client.sendto(b"six", (relay.host, relay.port))
            received, seen = await receive(server)
            server.sendto(received, seen)
            assert (await receive(client))[0] == b"six"
        finally:
            relay.close()


async def test_a_server_that_refuses_for_a_while_is_served_after_that(
    client: socket.socket,
) -> None:
    with open_socket() as gone:
        address = gone.getsockname()
    relay = UdpRelay(host=HOST, server=address)
    # Each brings an ICMP error, which the socket reports when it is asked for something else.
    await send_until(lambda: relay.lost > 2, client, relay)
    with open_socket(address[1]) as server:
        await send_until(lambda: hears(server), client, relay)
        client.sendto(b"last", (relay.host, relay.port))
        while (received := await receive(server))[0] != b"last":
            pass
        server.sendto(b"answer", received[1])
        assert (await receive(client))[0] == b"answer"
    relay.close()


async def test_an_error_that_an_earlier_datagram_met_does_not_cost_the_next(client: socket.socket) -> None:
    with open_socket() as gone:
        address = gone.getsockname()
    relay = UdpRelay(host=HOST, server=address)
    client.sendto(b"refused", (relay.host, relay.port))
    relay._pass_on()
    with open_socket(address[1]) as server:
        client.sendto(b"next", (relay.host, relay.port))
        relay._pass_on()  # before the loop finds the error
        assert (await receive(server))[0] == b"next"
    relay.close()


async def send_until(condition: Callable[[], bool], client: socket.socket, relay: UdpRelay) -> None:
    async def holds() -> bool:
        client.sendto(b"anybody?", (relay.host, relay.port))
        await asyncio.sleep(0.01)
        return condition()

    await until(holds, within=_WITHIN_SECONDS)


def hears(server: socket.socket) -> bool:
    try:
        return bool(server.recv(100))
    except BlockingIOError:
        return False


async def test_only_the_server_is_heard(server: socket.socket, client: socket.socket, relay: UdpRelay) -> None:
    seen = await exchange(client, server, relay)
    with open_socket() as stranger:
        stranger.sendto(b"stranger", seen)
    server.sendto(b"server", seen)

    assert (await receive(client))[0] == b"server"


async def test_a_sender_on_another_machine_is_ignored(
    monkeypatch: pytest.MonkeyPatch, server: socket.socket, client: socket.socket, relay: UdpRelay
) -> None:
    assert not udp_relay._is_of_this_machine(("192.0.2.77", 4000))
    assert udp_relay._is_of_this_machine(client.getsockname())
    with open_socket() as stranger:
        strange = stranger.getsockname()
        monkeypatch.setattr(udp_relay, "_is_of_this_machine", lambda address: address != strange)
        stranger.sendto(b"stranger", (relay.host, relay.port))
        await exchange(client, server, relay)

    assert relay.ports == 1


async def test_the_port_that_was_silent_longest_gives_way(
    monkeypatch: pytest.MonkeyPatch, server: socket.socket, client: socket.socket, relay: UdpRelay
) -> None:
    monkeypatch.setattr(udp_relay, "_MOST_PORTS", 3)
    with open_socket() as first, open_socket() as second, open_socket() as third:
        seen = await exchange(client, server, relay)
        silent = await exchange(first, server, relay)
        seen_of_second = await exchange(second, server, relay)
        assert await exchange(client, server, relay) == seen
        await exchange(third, server, relay)

        assert relay.ports == 3
        assert await exchange(client, server, relay) == seen
        assert await exchange(second, server, relay) == seen_of_second
        assert await exchange(first, server, relay) != silent
        assert relay.ports == 3


async def test_a_port_that_has_become_silent_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, server: socket.socket, client: socket.socket
) -> None:
    monkeypatch.setattr(udp_relay, "_SWEEP_SECONDS", 0.01)
    relay = UdpRelay(host=HOST, server=server.getsockname())
    try:
        await exchange(client, server, relay)
        await asyncio.sleep(0.05)
        assert relay.ports == 1
        monkeypatch.setattr(udp_relay, "_IDLE_SECONDS", 0.0)
        await until(lambda: asyncio.sleep(0, relay.ports == 0), within=_WITHIN_SECONDS)
        monkeypatch.setattr(udp_relay, "_IDLE_SECONDS", 60.0)
        await exchange(client, server, relay)
    finally:
        relay.close()


async def test_nothing_is_left_of_a_closed_relay(
    server: socket.socket, client: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="switchboard")
    before = os.listdir("/proc/self/fd")
    relay = UdpRelay(host=HOST, server=server.getsockname())
    await exchange(client, server, relay)
    relay.close()
    relay.close()

    assert len(os.listdir("/proc/self/fd")) == len(before)
    with open_socket(relay.port):
        pass
    assert caplog.messages == ["UDP relay closed: 1 datagrams sent, 1 received, 0 lost"]


async def test_an_address_of_another_machine_is_refused() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="Cannot assign requested address"):
        UdpRelay(host="192.0.2.77", server=(HOST, 9))

    assert len(os.listdir("/proc/self/fd")) == len(before)
