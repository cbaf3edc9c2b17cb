"""WebRTC calls with the real process, a real caller and a real TURN server."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.agent_image.agent_process import AgentProcess, ended, run_agent, without_errors
from tests.agent_image.peer_caller import PeerCaller
from tests.agent_image.refusing_turn import run_refusing_turn
from tests.agent_image.turn_server import TurnServer, credentials, free_port, run_turn_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ECHO = {"brain": "echo"}
NO_RELAY_SECONDS = 4.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def turn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TurnServer]:
    async with run_turn_server(tmp_path_factory.mktemp("turn")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def other_turn(tmp_path: Path) -> AsyncIterator[TurnServer]:
    """A TURN server that only one side uses: when it dies, the path is lost without a word."""
    async with run_turn_server(tmp_path) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(tmp_path_factory: pytest.TempPathFactory, turn: TurnServer) -> AsyncIterator[AgentProcess]:
    log = tmp_path_factory.mktemp("agent") / "log"
    async with run_agent(
        log=log, SSL_CERT_FILE=str(turn.certificate), SWITCHBOARD_RECONNECT_GRACE_SECONDS="20"
    ) as process:
        await process.answers()
        await process.ready()
        yield process


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def idle(agent: AgentProcess) -> AsyncIterator[None]:
    async with without_errors(agent):
        yield


@contextmanager
def dead_turn_server() -> Iterator[dict[str, Any]]:
    """An ICE server that takes packets and connections, and never answers."""
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.create_server(("127.0.0.1", port)):
        udp.bind(("127.0.0.1", port))
        urls = [f"turn:127.0.0.1:{port}?transport={way}" for way in ("udp", "tcp")]
        yield {"urls": [*urls, f"turns:127.0.0.1:{port}?transport=tcp"], **credentials(valid_for=300)}


async def hears_an_echo(caller: PeerCaller) -> None:
    spoken = await caller.say("One, two.")
    await caller.bot_audio(after=spoken)
    await caller.message("bot-stopped-speaking", after=spoken)


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_a_call_over_each_way_to_a_relay(agent: AgentProcess, turn: TurnServer, way: str) -> None:
    async with PeerCaller.connect(
        agent, ice_servers=[turn.ice_server("udp")], agent_ice_servers=[turn.ice_server(way)], body=ECHO
    ) as caller:
        ready = await caller.message("bot-ready")
        info = (await caller.message("server-message")).data
        await hears_an_echo(caller)
        during = await agent.ping()
    after = await agent.idle()

    assert ready.time < caller.connected_at + 2.0
    assert info["relay"] == way
    assert 0 < info["relay_probe_seconds"] < NO_RELAY_SECONDS
    assert during["status"] == "HealthyBusy"
    assert after["status"] == "Healthy"
    assert ended(agent) == "1000 the caller hung up"


async def test_the_answer_shows_the_relay_and_nothing_of_the_agents_network(
    agent: AgentProcess, turn: TurnServer
) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")]) as caller:
        sdp = caller.answer["sdp"]

    candidates = [line for line in sdp.splitlines() if line.startswith("a=candidate:")]
    assert candidates
    assert all(line.endswith(" typ relay raddr 0.0.0.0 rport 9") for line in candidates)
    assert {*re.findall(r"\d+\.\d+\.\d+\.\d+", sdp)} == {"0.0.0.0", "127.0.0.1"}  # noqa: S104 - not bound to
    assert caller.answer["type"] == "answer"


async def test_a_spoken_dialogue_goes_on_after_a_restart_of_ice(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")]) as caller:
        await caller.message("bot-stopped-speaking")
        first_id = caller.pc_id
        await caller.restart(ice_servers=[turn.ice_server("tls")])
        restarted = time.monotonic()
        spoken = await caller.say("Please repeat I like music very much.")
        answer = await caller.message("bot-llm-text", after=restarted)
        await caller.bot_audio(after=spoken)
        await caller.message("bot-stopped-speaking", after=spoken)
        calls = (await agent.status())["calls"]
        await caller.say("Thank you, bye bye.")
        await caller.hung_up()
    await agent.idle()

    assert answer.data["text"] == "I like music very much."
    assert caller.said(after=restarted).endswith("Thank you for calling. Bye bye.")
    assert "Welcome" not in caller.said(after=restarted)
    assert caller.pc_id == first_id
    assert calls == 1
    assert caller.peer_left
    assert ended(agent) == "1000 the caller said goodbye"


async def test_the_bot_still_speaks_when_a_restart_came_while_it_spoke(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")]) as caller:
        await caller.message("bot-stopped-speaking")
        asked = await caller.say("Please count to twenty.")
        await caller.message("bot-started-speaking", after=asked)
        await caller.restart()
        await caller.message("bot-stopped-speaking", after=asked)
        asked = await caller.say("What time is it?")
        await caller.message("bot-llm-text", after=asked)
        await caller.bot_audio(after=asked)


@pytest.mark.parametrize("side", ["caller", "agent"])
async def test_a_call_whose_path_is_lost_waits_for_a_restart(
    agent: AgentProcess, turn: TurnServer, other_turn: TurnServer, side: str
) -> None:
    servers = {"caller": [turn.ice_server("udp")], "agent": [turn.ice_server("udp")]}
    servers[side] = [other_turn.ice_server("udp")]
    async with PeerCaller.connect(
        agent, ice_servers=servers["caller"], agent_ice_servers=servers["agent"], body=ECHO
    ) as caller:
        await hears_an_echo(caller)
        await other_turn.die()
        await asyncio.sleep(5)  # longer than the silence after which Pipecat takes a caller for gone
        assert (await agent.ping())["status"] == "HealthyBusy"
        caller.ice_servers = [turn.ice_server("udp")]
        await caller.restart()
        await hears_an_echo(caller)


@pytest.mark.parametrize("error", [(401, "Unauthorized"), (441, "Wrong Credentials")])
async def test_a_relay_that_refuses_to_go_on_does_not_end_the_call(
    agent: AgentProcess, turn: TurnServer, error: tuple[int, str]
) -> None:
    async with (
        run_refusing_turn(turn, error=error) as (refusing, ice_server),
        PeerCaller.connect(
            agent, ice_servers=[turn.ice_server("udp")], agent_ice_servers=[ice_server], body=ECHO
        ) as caller,
    ):
        await hears_an_echo(caller)
        async with asyncio.timeout(10):
            await refusing.refused.wait()
        spoken = await caller.say("One, two.")
        with pytest.raises(TimeoutError):
            await caller.bot_audio(after=spoken, within=1)
        assert (await agent.ping())["status"] == "HealthyBusy"
        await caller.restart(ice_servers=[turn.ice_server("udp")])
        await hears_an_echo(caller)


async def test_a_caller_who_vanishes_ends_the_call_after_the_time_of_grace(
    agent: AgentProcess, turn: TurnServer, other_turn: TurnServer
) -> None:
    async with PeerCaller.connect(
        agent, ice_servers=[other_turn.ice_server("udp")], agent_ice_servers=[turn.ice_server("udp")], body=ECHO
    ) as caller:
        await caller.message("bot-ready")
        await other_turn.die()
        await agent.idle()

    assert ended(agent) == "1000 the caller was lost"


async def test_an_offer_whose_caller_never_connects_ends_after_the_time_for_that(
    agent: AgentProcess, turn: TurnServer
) -> None:
    caller = PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")])
    answer = await caller.offer(await caller.new_offer())
    answered = time.monotonic()
    await caller.vanish()
    await agent.idle()

    assert "sdp" in answer
    assert time.monotonic() - answered < 20
    assert ended(agent) == "1000 the caller was lost"


@pytest.mark.parametrize("pings", [True, False])
@pytest.mark.parametrize("way", ["says that it leaves", "closes the channel", "closes all", "closes DTLS"])
async def test_a_hang_up_ends_the_call_at_once(agent: AgentProcess, turn: TurnServer, way: str, pings: bool) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO, pings=pings) as caller:
        await caller.message("bot-ready")
        left = time.monotonic()
        if way == "says that it leaves":
            caller.channel.send('{"type": "signalling", "message": {"type": "peerLeft"}}')
        elif way == "closes the channel":
            caller.channel.close()
        elif way == "closes DTLS":
            await caller.pc.getTransceivers()[0].receiver.transport.stop()
        else:
            await caller.pc.close()
        await agent.idle()

    assert time.monotonic() - left < 5
    assert ended(agent) == "1000 the caller hung up"


async def test_the_end_of_the_process_is_announced_and_clean(tmp_path: Path, turn: TurnServer) -> None:
    async with run_agent(log=tmp_path / "log") as process:
        await process.answers()
        await process.ready()
        async with PeerCaller.connect(process, ice_servers=[turn.ice_server("udp")]) as caller:
            await caller.message("bot-stopped-speaking")
            terminated = time.monotonic()
            ending = asyncio.create_task(process.terminated())
            await caller.bot_audio(after=terminated)
            refused = await PeerCaller(agent=process, ice_servers=[]).offer("")
            exit_code = await ending
            await caller.hung_up()
    log = (tmp_path / "log").read_text()

    assert "Thank you for calling. Bye bye." in caller.said(after=terminated)
    assert refused["error"]["code"] == "stopping"
    assert exit_code == 0
    assert "1001 the agent is stopping; start a new session" in log
    assert "Traceback" not in log


async def test_udp_that_does_not_answer_gives_way_to_tls(agent: AgentProcess, turn: TurnServer) -> None:
    with dead_turn_server() as dead:
        dead["urls"] = dead["urls"][:1]
        servers = [dead, turn.ice_server("tcp", "tls")]
        async with PeerCaller.connect(
            agent, ice_servers=[turn.ice_server("udp")], agent_ice_servers=servers, body=ECHO
        ) as caller:
            info = (await caller.message("server-message")).data

    assert info["relay"] == "tls"
    assert 0.4 <= info["relay_probe_seconds"] < 1.0


async def test_without_a_relay_the_caller_hears_so_in_time(agent: AgentProcess, turn: TurnServer) -> None:
    caller = PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")])
    offer = await caller.new_offer()
    with dead_turn_server() as dead:
        asked = time.monotonic()
        answer = await caller.offer(offer, ice_servers=[dead])
        waited = time.monotonic() - asked
    await caller.vanish()

    assert answer["error"]["code"] == "no_relay"
    assert answer["error"]["message"] == (
        "no TURN server gives a relay; udp: no answer; tls: no answer; tcp: no answer"
    )
    assert waited < NO_RELAY_SECONDS


@pytest.mark.parametrize("more", [{"secret": "another"}, {"valid_for": -60}])
async def test_credentials_that_are_refused_are_noticed_at_once(
    agent: AgentProcess, turn: TurnServer, more: dict[str, Any]
) -> None:
    caller = PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")])
    offer = await caller.new_offer()
    asked = time.monotonic()
    answer = await caller.offer(offer, ice_servers=[turn.ice_server("udp", "tcp", "tls", **more)])
    waited = time.monotonic() - asked
    await caller.vanish()

    assert answer["error"]["code"] == "no_relay"
    assert "udp: refused with 401 Unauthorized, so check the credentials" in answer["error"]["message"]
    assert waited < 1.0


async def test_a_second_call_of_the_session_is_refused_while_one_lives(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO) as caller:
        second = PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")])
        refused = await second.offer(await second.new_offer())
        await second.vanish()
        await hears_an_echo(caller)
    await agent.idle()
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO) as caller:
        await caller.message("bot-ready")

    assert refused["error"]["code"] == "session_busy"


async def test_two_offers_at_once_make_one_call(agent: AgentProcess, turn: TurnServer) -> None:
    callers = [PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")]) for _ in range(2)]
    offers = [await caller.new_offer() for caller in callers]
    answers = await asyncio.gather(*(caller.offer(offer) for caller, offer in zip(callers, offers, strict=True)))
    winner = min(callers, key=lambda caller: "error" in answers[callers.index(caller)])
    await winner.accept(answers[callers.index(winner)])
    async with asyncio.timeout(5):
        await winner.opened.wait()
    for caller in callers:
        await caller.vanish()

    assert sorted(answer.get("error", {}).get("code", "") for answer in answers) == ["", "session_busy"]


async def test_candidates_may_come_after_the_offer(agent: AgentProcess, turn: TurnServer) -> None:
    caller = PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")])
    lines = (await caller.new_offer()).splitlines(keepends=True)
    offer = "".join(line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates")))
    candidates = [line.strip().removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    await caller.accept(await caller.offer(offer, body=ECHO))
    later = [{"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0} for text in [*candidates[:1], ""]]
    assert await caller.trickle(*later) == {}
    async with asyncio.timeout(5):
        await caller.opened.wait()
    await caller.vanish()


@pytest.mark.parametrize("flat", [True, False])
async def test_an_mdns_candidate_costs_no_time(agent: AgentProcess, turn: TurnServer, flat: bool) -> None:
    """Neither in an offer nor later, with a relay or in a flat network."""
    mdns = "candidate:1 1 udp 2122260223 0f9a7d2e-1111-4222-8333-444455556666.local 50000 typ host"
    caller = PeerCaller(agent=agent, ice_servers=[] if flat else [turn.ice_server("udp")])
    offer = (await caller.new_offer()).replace("a=candidate:", f"a={mdns}\r\na=candidate:", 1)
    asked = time.monotonic()
    await caller.accept(await caller.offer(offer))
    await caller.trickle({"candidate": mdns, "sdpMid": "0", "sdpMLineIndex": 0})
    waited = time.monotonic() - asked
    async with asyncio.timeout(5):
        await caller.opened.wait()
    await caller.vanish()

    assert waited < 0.9  # the look-up gives up after 1 s


async def test_in_a_flat_network_the_answer_has_host_candidates(agent: AgentProcess) -> None:
    async with PeerCaller.connect(agent, ice_servers=[], body=ECHO) as caller:
        info = (await caller.message("server-message")).data
        await hears_an_echo(caller)

    assert info["relay"] == "none"
    assert "typ host" in caller.answer["sdp"]


async def test_a_video_that_is_offered_stays_off(agent: AgentProcess, turn: TurnServer) -> None:
    """As Pipecat's JavaScript client always offers one, and two with a screen."""
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO, videos=2) as caller:
        await hears_an_echo(caller)
        caller.channel.send(
            '{"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 1, "enabled": true}}'
        )
        await hears_an_echo(caller)

    assert [t.currentDirection for t in caller.pc.getTransceivers()] == ["sendrecv", "inactive", "inactive"]
    assert not caller.asked_to_renegotiate


async def test_a_live_call_can_be_renegotiated(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO) as caller:
        await caller.message("bot-ready")
        await caller.pc.setLocalDescription(await caller.pc.createOffer())
        await caller.accept(await caller.offer(caller.pc.localDescription.sdp))
        await hears_an_echo(caller)


async def test_a_restart_that_finds_no_relay_leaves_the_call_as_it_was(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO) as caller:
        await caller.message("bot-ready")
        live = caller.pc, caller.channel
        wrong = turn.ice_server("udp", secret="another")
        refused = await caller.offer(await caller.new_offer(), restart=True, ice_servers=[wrong])
        await caller.pc.close()
        caller.pc, caller.channel = live
        await hears_an_echo(caller)

    assert refused["error"]["code"] == "no_relay"


@pytest.mark.parametrize(
    ("sdp", "reason"),
    [
        ("", "first medium is not audio"),
        ("hello", "first medium is not audio"),
        ("v=0\r\nm=audio\r\n", "not a session description"),
        ("v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "first medium is not audio"),
        ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n", "first medium is not audio"),
        ("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", "no ICE credentials"),
    ],
)
async def test_an_offer_that_cannot_be_answered_says_why(agent: AgentProcess, sdp: str, reason: str) -> None:
    answer = await PeerCaller(agent=agent, ice_servers=[]).offer(sdp)

    assert answer["error"]["code"] == "invalid_offer"
    assert reason in answer["error"]["message"]
    assert (await agent.status())["calls"] == 0


async def test_a_connection_that_is_not_there_is_said_to_be_unknown(agent: AgentProcess) -> None:
    stranger = PeerCaller(agent=agent, ice_servers=[], pc_id="another")
    offer = await stranger.offer("v=0", restart=True)
    candidates = await stranger.trickle()

    assert offer["error"]["code"] == candidates["error"]["code"] == "unknown_connection"


async def test_a_candidate_that_is_none_is_refused(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")], body=ECHO) as caller:
        await caller.message("bot-ready")
        nonsense = await caller.trickle({"candidate": "candidate:nonsense", "sdpMid": "0"})
        nowhere = await caller.trickle({"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"})
        await hears_an_echo(caller)

    assert nonsense["error"]["message"] == "a candidate is not as in RFC 8839, 5.1"
    assert nowhere["error"]["message"] == "a candidate has neither sdpMid nor sdpMLineIndex"


async def test_a_bad_body_ends_the_call_with_its_reason_in_the_log(agent: AgentProcess, turn: TurnServer) -> None:
    caller = PeerCaller(agent=agent, ice_servers=[turn.ice_server("udp")])
    await caller.offer(await caller.new_offer(), body={"brain": "oracle"})
    await agent.idle()
    await caller.vanish()

    assert ended(agent) == "1008 brain: got 'oracle'; allowed are scripted, echo"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"{}", "'type'"),
        (b'{"type": "hello"}', "expected tags: 'status', 'offer', 'ice-candidates'"),
        (b'{"type": "offer"}', "offer.sdp: Field required; offer.iceServers: Field required"),
        (b'{"type": "offer", "sdp": "", "iceServers": [], "restart": "yes"}', "offer.restart: "),
        (b'{"type": "offer", "sdp": "", "iceServers": [{"urls": ["http://a"]}]}', "allowed are stun:, stuns:, turn:"),
        (b'{"type": "ice-candidates", "pcId": null, "candidates": []}', "ice-candidates.pcId: "),
    ],
)
async def test_a_malformed_message_is_a_400_that_says_what_is_allowed(
    agent: AgentProcess, payload: bytes, reason: str
) -> None:
    answer = await agent.http.post("/invocations", content=payload)

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["error"]["code"] == "malformed_request"
    assert reason in answer.json()["error"]["message"]


async def test_a_turn_server_at_an_ipv6_address_relays_ipv4(tmp_path: Path, turn: TurnServer) -> None:
    answers = {}
    async with (
        run_turn_server(tmp_path, address="::1") as ipv6,
        run_agent(log=tmp_path / "log", SSL_CERT_FILE=str(ipv6.certificate)) as process,
    ):
        await process.answers()
        await process.ready()
        for way in ("udp", "tcp", "tls"):
            async with PeerCaller.connect(
                process, ice_servers=[turn.ice_server("udp")], agent_ice_servers=[ipv6.ice_server(way)], body=ECHO
            ) as caller:
                await hears_an_echo(caller)
                answers[(await caller.message("server-message")).data["relay"]] = caller.answer["sdp"]
            await process.idle()

    assert {*answers} == {"udp", "tcp", "tls"}
    assert all(re.search(r"127\.0\.0\.1 \d+ typ relay", sdp) for sdp in answers.values())


async def test_the_log_has_nothing_of_all_these_calls(agent: AgentProcess, turn: TurnServer) -> None:
    async with PeerCaller.connect(agent, ice_servers=[turn.ice_server("udp")]) as caller:
        await caller.message("bot-stopped-speaking")
        caller.channel.send('{"marzipan": ')
        caller.channel.send('"marzipan"')
        caller.channel.send('{"type": "signalling", "message": "marzipan"}')
        spoken = await caller.say("I like music very much.")
        await caller.message("bot-llm-text", after=spoken)
    await agent.idle()
    log = agent.log.read_text().lower()

    assert "call ended" in log
    told = [
        "127.0.0.1",
        ".local",
        "candidate",
        "a=",
        "v=0",
        "typ relay",
        ":tests",
        "turn:",
        "turns:",
        "music",
        "marzipan",
    ]
    assert [word for word in told if word in log] == []
    assert turn.ice_server("udp")["credential"].lower() not in log
