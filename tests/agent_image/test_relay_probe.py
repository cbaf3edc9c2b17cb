"""The order and the head starts of the probe; that its attempts are real, the calls show."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Mapping

import pytest
from aioice.stun import Class, Message, Method, TransactionFailed

import relay_probe
from ice_servers import RelayTransport, TurnServer
from relay_probe import NoRelayError, choose_relay

NEVER = 60.0
TRANSPORTS: tuple[RelayTransport, ...] = ("tcp", "tls", "udp")
SERVERS = [TurnServer(host="a", port=1, transport=each, username="", credential="") for each in TRANSPORTS]


def refused(code: int) -> TransactionFailed:
    response = Message(Method.ALLOCATE, Class.ERROR)
    response.attributes["ERROR-CODE"] = (code, "Because")
    return TransactionFailed(response)


class Attempts:
    """Attempts that end after given seconds, with success or an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, results: Mapping[str, tuple[float, Exception | None]]) -> None:
        self.begun: dict[str, float] = {}
        self.ended: set[str] = set()
        self._results = results
        self._now = asyncio.get_running_loop().time
        self._started = self._now()
        monkeypatch.setattr(relay_probe, "_allocate", self._allocate)

    async def _allocate(self, server: TurnServer) -> TurnServer:
        self.begun[server.transport] = self._now() - self._started
        seconds, error = self._results[server.transport]
        try:
            await asyncio.sleep(seconds)
        finally:
            self.ended.add(server.transport)
        if error:
            raise error
        return server


async def test_udp_is_chosen_when_it_answers_and_nothing_else_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, {"udp": (0.1, None)})

    relay = await choose_relay(SERVERS)

    assert relay.server.transport == "udp"
    assert [*attempts.begun] == ["udp"]


async def test_tls_and_then_tcp_follow_after_their_head_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, {"udp": (NEVER, None), "tls": (NEVER, None), "tcp": (0, None)})

    relay = await choose_relay(SERVERS)

    assert relay.server.transport == "tcp"
    assert [*attempts.begun] == ["udp", "tls", "tcp"]
    assert attempts.begun["tls"] >= 0.39
    assert attempts.begun["tcp"] >= 0.49
    assert attempts.ended == {"udp", "tls", "tcp"}


async def test_late_udp_still_wins_against_later_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    Attempts(monkeypatch, {"udp": (0.7, None), "tls": (NEVER, None), "tcp": (NEVER, None)})

    assert (await choose_relay(SERVERS)).server.transport == "udp"


async def test_a_refusal_waits_for_no_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(
        monkeypatch, {"udp": (0, ConnectionRefusedError()), "tls": (0, ConnectionRefusedError()), "tcp": (0, None)}
    )

    assert (await choose_relay(SERVERS)).server.transport == "tcp"
    assert attempts.begun["tcp"] < 0.3


async def test_a_cancelled_probe_leaves_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, {"udp": (NEVER, None), "tls": (NEVER, None)})
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.45):
            await choose_relay(SERVERS)

    assert time.monotonic() - started < NEVER
    assert attempts.ended == {"udp", "tls"}


async def test_what_failed_is_said_for_each_way_and_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = ssl.SSLCertVerificationError()
    certificate.verify_message = "certificate has expired"
    Attempts(
        monkeypatch,
        {
            "udp": (0, refused(486)),
            "tls": (0, certificate),
            "tcp": (0, OSError(111, "Connect call failed ('192.0.2.1', 443)")),
        },
    )

    with pytest.raises(NoRelayError) as caught:
        await choose_relay(SERVERS)

    assert str(caught.value) == (
        "no TURN server gives a relay; udp: refused with 486 Because; "
        f"tls: its certificate is not accepted, certificate has expired; tcp: {os.strerror(111)}"
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused(401), "refused with 401 Because, so check the credentials"),
        (socket.gaierror(-2, "Name or service not known"), "its name has no address"),
        (ConnectionError("TURN allocation response is missing LIFETIME"), "ConnectionError"),
    ],
)
async def test_a_reason(monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    Attempts(monkeypatch, {"udp": (0, error)})

    with pytest.raises(NoRelayError) as caught:
        await choose_relay(SERVERS[2:])

    assert str(caught.value).endswith("udp: " + reason)


async def test_a_list_without_turn_says_so() -> None:
    with pytest.raises(NoRelayError, match="no TURN server was given"):
        await choose_relay([])
