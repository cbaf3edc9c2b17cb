"""libwebrtc, as in Daily's SDK, without IPv4: TURN as Daily names it carries nothing, and through our relays it does.

The libwebrtc is Chromium's. That Daily's SDK behaves as it does, and what AgentCore's network is like, isn't shown.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.networks.firewall import Firewall, switch
from tests.networks.fixtures import skipping_where_not_permitted
from tests.networks.lab import Namespace
from tests.networks.libwebrtc import NAME_WITHOUT_DNS64, PROGRAM, Media, call, open_libwebrtc
from tests.networks.nat64 import nat64
from tests.networks.topology import AGENT6_ADDRESS, NAT64_ADDRESS6, TURN_ADDRESSES, Networks, real_networks
from tests.networks.turn_server import HOST_NAME, credentials, make_certificate, turn_server

_ROOT = Path(__file__).parents[2]
_PROGRAM = "tests.networks.ice_program"
_FRAMES = 25  # half a second of audio, each way
_PATIENCE_SECONDS, _PATIENCE_IN_VAIN_SECONDS = 20.0, 2.0  # with a way to its peer, it takes half a second
_UDP = f"turn:{TURN_ADDRESSES[0]}:3478?transport=udp"
_TCP_BY_NAME = f"turn:{HOST_NAME}:3478?transport=tcp"
# An address on loopback, which libwebrtc leaves out; the kernel sends from it, and a router translates.
_HIDDEN_ADDRESS = "10.99.0.2"
_ASK_STUN = """
import socket, sys
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
    asking.settimeout(0.5)
    asking.connect((sys.argv[1], int(sys.argv[2])))
    for _ in range(3):
        asking.send(bytes.fromhex("00010000 2112a442") + bytes(12))  # RFC 8489: a Binding request
        try:
            asking.recv(1500)
        except TimeoutError:
            continue
        print("answered", end="")
        break
"""


@dataclass(frozen=True, kw_only=True)
class Browser:
    """libwebrtc in the agent's place."""

    networks: Networks
    page: Page

    def call(self, ice_servers: Sequence[Any], *, within: float) -> Media:
        peer = self.networks.public_caller
        return call(self.page, peer=peer, ice_servers=ice_servers, frames=_FRAMES, within=within)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Browser]:
    """Networks of its own, as one test changes them."""
    if not PROGRAM.exists():
        message = "no Chromium, so nothing was proven of libwebrtc: `scripts/install-packages browser` installs it"
        if pytestconfig.getoption("--require-networks"):
            pytest.fail(message)
        pytest.skip(message)
    directory = tmp_path_factory.mktemp("libwebrtc")
    with skipping_where_not_permitted(pytestconfig), ExitStack() as parts:
        networks = parts.enter_context(real_networks(directory=directory))
        make_certificate(directory)
        parts.enter_context(turn_server(machine=networks.turn, directory=directory))
        parts.enter_context(nat64(router=networks.nat64, directory=directory))
        page = parts.enter_context(open_libwebrtc(machine=networks.agent6, directory=directory))
        yield Browser(networks=networks, page=page)


@pytest.fixture(params=["NAT64", "below the sockets"])
def ipv4(browser: Browser, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where IPv4 comes from: NAT64 alone, or a route without an interface's address, as reported of AgentCore."""
    if request.param == "NAT64":
        yield request.param
        return
    with _route_without_address(browser.networks):
        yield request.param


@contextmanager
def _route_without_address(networks: Networks) -> Iterator[None]:
    route = ["via", "inet6", NAT64_ADDRESS6, "dev", "eth0", "src", _HIDDEN_ADDRESS]
    networks.agent6.ip("addr", "add", f"{_HIDDEN_ADDRESS}/32", "dev", "lo")
    networks.agent6.ip("-4", "route", "add", "default", *route)
    networks.nat64.ip("route", "add", f"{_HIDDEN_ADDRESS}/32", "via", "inet6", AGENT6_ADDRESS, "dev", "eth1")
    try:
        yield
    finally:
        networks.nat64.ip("route", "del", f"{_HIDDEN_ADDRESS}/32")
        networks.agent6.ip("addr", "del", f"{_HIDDEN_ADDRESS}/32", "dev", "lo")  # the route goes with it


@contextmanager
def ice_config(machine: Namespace, *urls: str) -> Iterator[list[Any]]:
    """The ICE servers that the agent gives libwebrtc when Daily answers with these, until the end of the block."""
    command = machine.command(sys.executable, "-m", _PROGRAM, json.dumps(servers(*urls)))
    environment = {**os.environ, "PYTHONPATH": f"{_ROOT}:{_ROOT / 'agent_image'}"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())["iceServers"]
        finally:
            process.kill()


def servers(*urls: str) -> list[Any]:
    """As Daily answers, with credentials made now."""
    return [{"urls": list(urls), **credentials()}]


@pytest.mark.usefixtures("ipv4")
def test_turn_as_daily_names_it_carries_nothing(browser: Browser) -> None:
    names = servers(
        _UDP, f"turn:{NAME_WITHOUT_DNS64}:3478?transport=udp", f"turn:{NAME_WITHOUT_DNS64}:3478?transport=tcp"
    )
    media = browser.call(names, within=_PATIENCE_IN_VAIN_SECONDS)
    assert media == Media(frames=0, packets=0, candidates=frozenset({"host"}), pair=None)


@pytest.mark.usefixtures("ipv4")
def test_turn_through_the_relay_carries_audio_both_ways(browser: Browser) -> None:
    with ice_config(browser.networks.agent6, _UDP) as ice_servers:
        assert ice_servers[0]["urls"][0].startswith(f"turn:[{AGENT6_ADDRESS}]:")
        media = browser.call(ice_servers, within=_PATIENCE_SECONDS)
    assert media.pair == ("relay", "udp"), media
    assert min(media.frames, media.packets) >= _FRAMES


def test_without_udp_a_name_over_tcp_carries_audio_both_ways(browser: Browser) -> None:
    switch(browser.networks.nat64, Firewall.NO_UDP)
    try:
        with ice_config(browser.networks.agent6, _UDP, _TCP_BY_NAME) as ice_servers:
            media = browser.call(ice_servers, within=_PATIENCE_SECONDS)
    finally:
        switch(browser.networks.nat64, Firewall.OPEN)
    assert media.pair == ("relay", "tcp"), media
    assert min(media.frames, media.packets) >= _FRAMES


def test_the_relay_serves_no_other_machine(browser: Browser) -> None:
    with ice_config(browser.networks.agent6, _UDP) as ice_servers:
        address, _, port = (
            ice_servers[0]["urls"][0].removeprefix("turn:[").removesuffix("?transport=udp").partition("]:")
        )
        assert stun_answers(browser.networks.agent6, address, port)
        assert not stun_answers(browser.networks.nat64, address, port)


def stun_answers(machine: Namespace, address: str, port: str) -> bool:
    """Whether the TURN server answers a program on this machine through the relay."""
    return machine.run(sys.executable, "-c", _ASK_STUN, address, port) == "answered"
