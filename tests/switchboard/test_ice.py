"""Which TURN server a caller uses, against a real coturn on the loopback interface, and a call over it."""

import asyncio
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.certificates import make_certificates
from local.kinesisvideo.coturn import Coturn, KeyPair
from local.kinesisvideo.credentials import ice_server_list
from switchboard.errors import ExitCode, OperatorError
from switchboard.ice import IceChoice, IcePolicy, TurnProtocol, choose_ice_servers
from switchboard.signaling import Answer, Candidate, IceServer
from switchboard.webrtc_session import open_webrtc_session
from tests.switchboard.lines import WebRtcLine

pytestmark = pytest.mark.usefixtures("loopback")

STUN = IceServer(urls=("stun:127.0.0.1:3478",))


class LineSignaling:
    """Straight to the stand-in agent, without a connect API."""

    def __init__(self) -> None:
        self.line = WebRtcLine()
        self.candidates_sent: list[Candidate] = []

    async def offer(self, *, sdp: str, pc_id: str | None, restart: bool) -> Answer:
        offer = {"sdp": sdp, "pc_id": pc_id, "restart_pc": restart}
        answer = await asyncio.to_thread(self.line.answer, offer)
        return Answer(sdp=str(answer["sdp"]), pc_id=str(answer["pc_id"]))

    async def candidates(self, *, pc_id: str, candidates: Sequence[Candidate]) -> None:
        self.candidates_sent += candidates
        told = [{"candidate": c.candidate, "sdp_mid": c.sdp_mid, "sdp_mline_index": 0} for c in candidates]
        await asyncio.to_thread(self.line.add_candidates, told)

    async def fresh_ice_servers(self) -> Sequence[IceServer]:
        raise AssertionError


@pytest.fixture
def signaling() -> Iterator[LineSignaling]:
    signaling = LineSignaling()
    yield signaling
    signaling.line.drop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("turn")
    make_certificates(certificate=folder / "turn.pem", key=folder / "turn.key", bundle=folder / "ca.pem")
    return folder


@pytest.fixture(scope="module")
def coturn(folder: Path) -> Iterator[Coturn]:
    coturn = Coturn(directory=folder, key_pair=KeyPair(certificate=folder / "turn.pem", key=folder / "turn.key"))
    yield coturn
    coturn.stop()


@pytest.fixture
def turn(coturn: Coturn) -> IceServer:
    """As KVS gives it: UDP, DTLS, TLS. Each test has a channel of its own: coturn counts ended allocations a while."""
    [server, _] = ice_server_list(coturn.servers(), channel=secrets.token_hex(4), now=time.time())
    return IceServer(urls=tuple(server["Uris"]), username=server["Username"], credential=server["Password"])


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))


@pytest.fixture
def udp_blocked(turn: IceServer) -> Iterator[IceServer]:
    """The same server, whose UDP packets get lost on the way."""
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield replace(turn, urls=(f"turn:127.0.0.1:{silent.getsockname()[1]}?transport=udp", *turn.urls[1:]))


def over_tcp(turn: IceServer) -> IceServer:
    return replace(turn, urls=(turn.urls[0].replace("=udp", "=tcp"),))


async def choose(*servers: IceServer, policy: IcePolicy = IcePolicy.ALL) -> IceChoice:
    return await choose_ice_servers(servers, policy=policy)


def protocol(choice: IceChoice) -> TurnProtocol | None:
    return choice.turn.protocol if choice.turn else None


async def test_udp_is_first_and_its_server_is_asked_for_stun_too(turn: IceServer) -> None:
    choice = await choose(turn)
    assert protocol(choice) is TurnProtocol.UDP
    assert choice.stun_uri == turn.urls[0].removesuffix("?transport=udp").replace("turn:", "stun:")
    assert (await choose(turn, STUN)).stun_uri == STUN.urls[0]


async def test_udp_has_a_head_start(monkeypatch: pytest.MonkeyPatch, turn: IceServer) -> None:
    async def slower_over_udp(*_: object, transport: str, **__: object) -> tuple[SimpleNamespace, None]:
        await asyncio.sleep(0.1 if transport == "udp" else 0)
        return SimpleNamespace(close=lambda: None), None

    monkeypatch.setattr("switchboard.ice.create_turn_endpoint", slower_over_udp)
    assert protocol(await choose(over_tcp(turn), turn)) is TurnProtocol.UDP


@pytest.mark.usefixtures("trusted")
async def test_tls_is_next_and_then_udp_is_not_tried_for_stun_either(udp_blocked: IceServer) -> None:
    choice = await choose(STUN, over_tcp(udp_blocked), udp_blocked)
    assert (protocol(choice), choice.stun_uri) == (TurnProtocol.TLS, None)


async def test_tcp_is_last(turn: IceServer, udp_blocked: IceServer) -> None:
    """A certificate that nobody vouches for leaves the plain connection."""
    choice = await choose(over_tcp(turn), udp_blocked)
    assert protocol(choice) is TurnProtocol.TCP


async def test_refused_credentials_are_no_relay(turn: IceServer) -> None:
    choice = await choose(replace(turn, credential="wrong"))
    assert (choice.turn, choice.stun_uri, choice.turn_failed) == (None, None, True)


async def test_probes_give_their_allocations_back(turn: IceServer) -> None:
    """coturn allows a user 50, and takes a moment to free them."""
    for _ in range(50):
        await choose(turn)
    async with asyncio.timeout(10):
        while (await choose(turn)).turn is None:
            pass


async def test_policies_leave_out_what_they_say(turn: IceServer) -> None:
    assert await choose(turn, policy=IcePolicy.HOST) == IceChoice()
    assert await choose(turn, STUN, policy=IcePolicy.STUN) == IceChoice(stun_uri=STUN.urls[0])
    relay = await choose(turn, policy=IcePolicy.RELAY)
    assert (relay.relay_only, protocol(relay)) == (True, TurnProtocol.UDP)
    assert await choose(STUN) == IceChoice(stun_uri=STUN.urls[0])


async def test_malformed_uri_is_told() -> None:
    for uri in ("turn:", "turn:host?transport=sctp"):
        with pytest.raises(OperatorError, match="malformed TURN URI"):
            await choose(IceServer(urls=(uri,)))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("transport", TurnProtocol)
async def test_call_over_a_relay(signaling: LineSignaling, turn: IceServer, transport: TurnProtocol) -> None:
    only = {TurnProtocol.UDP: turn.urls[:1], TurnProtocol.TLS: turn.urls[2:], TurnProtocol.TCP: over_tcp(turn).urls}
    servers = [replace(turn, urls=only[transport])]
    async with open_webrtc_session(
        signaling=signaling, ice_servers=servers, timeout_seconds=10, policy=IcePolicy.RELAY
    ) as session:
        assert await session.until(lambda: session.loudspeaker.seconds > 0.2, timeout_seconds=10)
        [path] = session.paths
    assert (path.local_candidate, path.turn_protocol) == ("relay", transport)
    assert path.media_seconds is not None


async def test_relay_that_cannot_be_had_is_a_failed_connection(signaling: LineSignaling, turn: IceServer) -> None:
    refused = [replace(turn, credential="wrong")]
    with pytest.raises(OperatorError, match="no TURN server can be used from here") as failure:
        async with open_webrtc_session(
            signaling=signaling, ice_servers=refused, timeout_seconds=10, policy=IcePolicy.RELAY
        ):
            pass
    assert failure.value.exit_code is ExitCode.CONNECTING
    assert signaling.line.offers == []


async def test_candidates_can_follow_the_offer(signaling: LineSignaling) -> None:
    async with open_webrtc_session(signaling=signaling, ice_servers=[], timeout_seconds=10, trickle=True) as session:
        assert session.paths[0].local_candidate == "host"
    assert "candidate" not in signaling.line.offers[0]["sdp"]
    assert [(sent.candidate.split()[0][:10], sent.sdp_mid) for sent in signaling.candidates_sent] == [
        ("candidate:", "0")
    ]
