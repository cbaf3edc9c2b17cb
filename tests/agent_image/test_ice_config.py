"""What the agent makes of Daily's ICE servers where there is no IPv4; that libwebrtc can use it, tests/networks shows.

Daily is a server of the test, which answers as Daily was seen to (there is no documentation), and coturn is real.
"""

import asyncio
import ipaddress
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ifaddr
import pytest
from aiohttp import web

import relay_probe
from daily_room import ice_config as module
from daily_room.ice_config import IceConfig, IceConfigError, ice_config
from ice_servers import TurnServer as GivenServer
from tests.agent_image.agent_process import until
from tests.agent_image.turn_server import TurnServer, run_turn_server

ROOM_URL = "https://acme.daily.co/room-1"
HOST = "127.0.0.1"
SET_ICE_CONFIG = """
import json, sys, threading
from daily import CallClient, Daily
Daily.init()
client, done = CallClient(), threading.Event()
def completed(error):
    print("error:", error, end="", flush=True)
    done.set()
client.set_ice_config(json.loads(sys.argv[1]), completion=completed)
done.wait()
client.release()
"""


@dataclass
class Daily:
    """What it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: str = ""
    paths: list[str] = field(default_factory=list)

    def give(self, *servers: dict[str, Any]) -> None:
        self.body = json.dumps({"iceConfig": {"iceServers": servers, "iceTransportPolicy": "all"}, "more": 1})

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        headers = {"location": self.url} if self.status == 302 else {}
        return web.Response(status=self.status, text=self.body, headers=headers)


@pytest.fixture
async def daily() -> AsyncIterator[Daily]:
    answers = Daily()
    application = web.Application()
    application.router.add_get("/{path:.*}", answers.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    answers.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield answers
    await runner.cleanup()


@pytest.fixture
async def turn(tmp_path: Path) -> AsyncIterator[TurnServer]:
    async with run_turn_server(tmp_path) as server:
        yield server


@pytest.fixture
def without_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if loopback's address were this machine's IPv6 address, which a relay doesn't mind.

    And TURN may take its time: this machine may be busy.
    """
    monkeypatch.setitem(relay_probe._HEAD_STARTS, "tcp", 30.0)
    monkeypatch.setattr(module, "_ipv6_without_ipv4", lambda: HOST)


@asynccontextmanager
async def configured(daily: Daily, **more: Any) -> AsyncIterator[IceConfig]:
    arguments = {"room_url": ROOM_URL, "renewed": lambda _: None, "signaling_url": daily.url, **more}
    async with ice_config(**arguments) as config:
        assert config
        yield config


def urls(config: IceConfig) -> list[str]:
    return [url for server in config["iceServers"] for url in server["urls"]]


def is_free(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@pytest.mark.usefixtures("without_ipv4")
async def test_udp_goes_through_a_relay_as_long_as_the_call_lasts(daily: Daily, turn: TurnServer) -> None:
    given = turn.ice_server("udp")
    daily.give(given)
    async with configured(daily) as config:
        (url,) = urls(config)
        port = int(url.removeprefix(f"turn:{HOST}:").removesuffix("?transport=udp"))
        assert port not in (turn.port, turn.tls_port)
        assert not is_free(port)
        assert config == {"placement": "replace", "iceServers": [{**given, "urls": [url]}]}
        assert daily.paths == ["/rooms/ice/acme/room-1"]

    assert is_free(port)


@pytest.mark.usefixtures("without_ipv4")
async def test_dailys_own_sdk_takes_it(daily: Daily, turn: TurnServer) -> None:
    daily.give(turn.ice_server("udp"))
    async with configured(daily) as config:
        # In a process of its own, as others of these tests have a stand-in for the SDK.
        command = [sys.executable, "-I", "-c", SET_ICE_CONFIG, json.dumps(config)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        answer, _ = await process.communicate()

    assert answer == b"error: None"


@pytest.mark.usefixtures("without_ipv4")
async def test_what_a_relay_cannot_carry_is_passed_over_or_left_out(
    daily: Daily, turn: TurnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reachable(host: str) -> str:
        return "2001:db8::7" if host == "192.0.2.7" else host

    monkeypatch.setattr(module, "reachable_host", reachable)
    keys = turn.ice_server()
    daily.give(
        {"urls": "stun:stun.example:3478"},
        turn.ice_server("udp"),
        {**keys, "urls": ["turn:turn.example:443?transport=tcp", "turns:turn.example:443?transport=tcp"]},
        {**keys, "urls": ["turn:192.0.2.7:443?transport=tcp", "turns:192.0.2.7:443?transport=tcp"]},
        {**keys, "urls": "turns:turn.example:443?transport=udp"},
    )
    async with configured(daily) as config:
        assert urls(config)[1:] == [
            "turn:turn.example:443?transport=tcp",
            "turns:turn.example:443?transport=tcp",
            "turn:[2001:db8::7]:443?transport=tcp",
        ]


@pytest.mark.usefixtures("without_ipv4")
async def test_one_server_has_one_relay(daily: Daily, turn: TurnServer) -> None:
    daily.give(turn.ice_server("udp"), turn.ice_server("udp", valid_for=400))
    async with configured(daily) as config:
        first, second = urls(config)
        assert first == second


@pytest.mark.usefixtures("without_ipv4")
async def test_a_name_without_an_address_does_not_keep_the_call_from_the_others(
    daily: Daily, turn: TurnServer, caplog: pytest.LogCaptureFixture
) -> None:
    daily.give({**turn.ice_server(), "urls": ["turn:nowhere.invalid:3478"]}, turn.ice_server("udp"))
    async with configured(daily) as config:
        assert len(urls(config)) == 1

    assert any(
        message.startswith("one of Daily's TURN servers can't be used here over udp") for message in caplog.messages
    )


@pytest.mark.parametrize(
    ("found", "mapped", "hosts"),
    [
        # NAT64, and DNS64 maps as we do.
        (["64:ff9b::c000:207", "192.0.2.7"], "64:ff9b::c000:207", ["64:ff9b::c000:207"]),
        # IPv4 below the sockets, and IPv6 that may lead nowhere.
        (["192.0.2.7", "2001:db8::7", "192.0.2.8"], "192.0.2.7", ["192.0.2.7", "2001:db8::7"]),
        (["2001:db8::7"], None, ["2001:db8::7"]),
        (["192.0.2.7", "2001:db8::7"], None, ["2001:db8::7"]),
    ],
)
async def test_a_server_is_reached_by_each_family_of_its_addresses(
    monkeypatch: pytest.MonkeyPatch, found: Sequence[str], mapped: str | None, hosts: list[str]
) -> None:
    async def look_up(*_: object, **__: object) -> list[Any]:
        families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host in found]
        return [(family, socket.SOCK_DGRAM, 17, "", (host, 3478)) for family, host in zip(families, found, strict=True)]

    async def reachable(host: str) -> str:
        assert host == "192.0.2.7"
        if mapped is None:
            raise OSError("no route to IPv4")
        return mapped

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    monkeypatch.setattr(module, "reachable_host", reachable)
    server = GivenServer(host="turn.example", port=3478, transport="udp", username="", credential="")

    assert await module._hosts(server) == hosts


@pytest.mark.usefixtures("without_ipv4")
async def test_credentials_are_renewed_and_relays_stay(daily: Daily, turn: TurnServer) -> None:
    daily.give(turn.ice_server("udp"))
    renewed: list[IceConfig] = []
    async with configured(daily, renewed=renewed.append, renew_seconds=0.05) as config:
        fresh = turn.ice_server("udp", valid_for=900)
        daily.give(fresh)
        await until(lambda: asyncio.sleep(0, len(renewed) > 1))
        assert renewed[-1]["iceServers"] == [{**fresh, "urls": urls(config)}]
        assert renewed[-1] != config
    count = len(daily.paths)
    await asyncio.sleep(0.1)

    assert len(daily.paths) == count


@pytest.mark.usefixtures("without_ipv4")
async def test_a_renewal_that_fails_is_tried_again(
    daily: Daily, turn: TurnServer, caplog: pytest.LogCaptureFixture
) -> None:
    daily.give(turn.ice_server("udp"))
    renewed: list[IceConfig] = []
    async with configured(daily, renewed=renewed.append, renew_seconds=0.05):
        daily.status = 500
        await until(lambda: asyncio.sleep(0, any("aren't renewed" in message for message in caplog.messages)))
        daily.status, count = 200, len(renewed)
        await until(lambda: asyncio.sleep(0, len(renewed) > count))


@pytest.mark.usefixtures("without_ipv4")
@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (404, "", "answered 404, not 200; the room is gone"),
        (500, "", "answered 500, not 200"),
        (302, "", "answered 302, not 200"),
        (200, "no JSON", "answered something else than ICE servers: all: Invalid JSON"),
        (200, "[]", "all: Input should be an object"),
        (200, '{"iceConfig": {}}', "iceConfig.iceServers: Field required"),
        (200, '{"iceConfig": {"iceServers": []}}', "iceConfig.iceServers: List should have at least 1 item"),
        (200, '{"iceConfig": {"iceServers": [{"urls": ["http://secret"]}]}}', "urls: Value error, allowed are stun:"),
        (
            200,
            '{"iceConfig": {"iceServers": [{"urls": "turn:a", "credential": 5}]}}',
            "0.credential: Input should be a",
        ),
        (200, '{"iceConfig": {"iceServers": [{"username": "secret"}]}}', "iceServers.0.urls: Field required"),
        (200, '{"iceConfig": {"iceServers": [{"urls": "stun:a"}]}}', "Daily named no TURN server"),
        (200, '{"iceConfig": {"iceServers": [{"urls": "turn:nowhere.invalid"}]}}', "have no address here; check"),
        (200, " " * 70_000 + "{}", "Invalid JSON"),
    ],
)
async def test_an_answer_of_another_form_is_an_error_that_quotes_nothing(
    daily: Daily, status: int, body: str, problem: str
) -> None:
    daily.status, daily.body = status, body
    with pytest.raises(IceConfigError) as caught:
        async with configured(daily):
            pass

    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("without_ipv4")
async def test_daily_out_of_reach_is_an_error_that_says_what_to_open(daily: Daily) -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        daily.url = f"http://{HOST}:{unused.getsockname()[1]}"
        with pytest.raises(IceConfigError, match="must let TCP 443 out"):
            async with configured(daily):
                pass


@pytest.mark.usefixtures("without_ipv4")
async def test_a_refusing_turn_server_is_an_error_that_says_why_and_leaves_no_relay(
    daily: Daily, turn: TurnServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="switchboard")
    daily.give(turn.ice_server("udp", secret="another"))
    with pytest.raises(
        IceConfigError, match="udp: refused with 401 Unauthorized, so check the credentials; the agent's"
    ):
        async with configured(daily):
            pass

    assert [message.partition(":")[0] for message in caplog.messages] == ["UDP relay closed"]


@pytest.mark.usefixtures("without_ipv4")
@pytest.mark.parametrize(
    "room_url",
    [
        "http://acme.daily.co/room",
        "https://acme.daily.co/",
        "https://acme.daily.co/a/b",
        "https://acme.daily.co.example/room",
        "https://daily.co/room",
        "https://a.b.daily.co/room",
        "not a URL",
    ],
)
async def test_a_url_of_another_form_is_not_asked_for(daily: Daily, room_url: str) -> None:
    with pytest.raises(IceConfigError, match=r"must be that of a room at DOMAIN\.daily\.co"):
        async with configured(daily, room_url=room_url):
            pass

    assert daily.paths == []


LOOPBACK, LINK = ["127.0.0.1", "::1"], "fe80::1"


@pytest.mark.parametrize(
    ("adapters", "source", "host"),
    [
        ([LOOPBACK, ["10.0.0.5", "2001:db8::5", LINK]], "10.0.0.5", None),  # IPv4 is there
        ([LOOPBACK, ["10.0.0.5"]], "10.0.0.5", None),
        ([LOOPBACK, [LINK, "2001:db8::5"]], None, "2001:db8::5"),
        ([LOOPBACK, ["fd00::5"]], None, "fd00::5"),
        ([["127.0.0.1", "::1", "10.99.0.2"], ["2001:db8::5"]], "10.99.0.2", "2001:db8::5"),  # only a route
        ([LOOPBACK, ["169.254.172.5"], ["2001:db8::5"]], "169.254.172.5", "2001:db8::5"),  # as EKS does it
        ([LOOPBACK, ["172.17.0.1"], ["2001:db8::5"]], None, "2001:db8::5"),  # a bridge that leads nowhere
        ([LOOPBACK, [LINK]], None, None),  # nothing leads anywhere
        ([LOOPBACK], None, None),
    ],
)
def test_a_relay_is_for_a_machine_whose_interfaces_have_no_ipv4(
    monkeypatch: pytest.MonkeyPatch, adapters: Sequence[Sequence[str]], source: str | None, host: str | None
) -> None:
    def found() -> Iterator[ifaddr.Adapter]:
        for number, addresses in enumerate(adapters):
            ips = [ifaddr.IP((each, 0, 0) if ":" in each else each, 64, "eth") for each in addresses]
            yield ifaddr.Adapter(f"eth{number}", f"eth{number}", ips)

    monkeypatch.setattr(ifaddr, "get_adapters", found)
    monkeypatch.setattr(module, "_ipv4_source", lambda: source and ipaddress.IPv4Address(source))

    assert module._ipv6_without_ipv4() == host


async def test_where_there_is_ipv4_nothing_is_asked(daily: Daily, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ipv6_without_ipv4", lambda: None)
    async with ice_config(room_url="any", renewed=lambda _: None, signaling_url=daily.url) as config:
        assert config is None

    assert daily.paths == []
