"""What a peer connection does with offers and candidates, without a network."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortc import RTCPeerConnection
from pyee.asyncio import AsyncIOEventEmitter

from messages import Candidate
from offers import checked_offer
from peer_connection import PeerConnection

MDNS = "candidate:1 1 udp 2122260223 0f9a7d2e-1111-4222-8333-444455556666.local 50000 typ host"
HOST = "candidate:2 1 udp 2122260223 192.0.2.1 50000 typ host"

VIDEO_TRACKS = ("video_input_track", "screen_video_input_track")


class Channel(AsyncIOEventEmitter):
    """Stands in for an open data channel of the caller, and keeps what the bot sends."""

    readyState = "open"  # noqa: N815 - WebRTC's name

    def __init__(self, connection: PeerConnection) -> None:
        super().__init__()
        self.sent: list[object] = []
        connection.pc.emit("datachannel", self)

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


@pytest_asyncio.fixture
async def connection() -> AsyncIterator[PeerConnection]:
    peer_connection = PeerConnection(relay=None, grace_seconds=20)
    yield peer_connection
    await peer_connection.close()


@pytest_asyncio.fixture
async def offer() -> AsyncIterator[str]:
    """What Pipecat's JavaScript client offers: audio, camera, screen and a data channel."""
    caller = RTCPeerConnection()
    for kind, direction in (("audio", "sendrecv"), ("video", "sendrecv"), ("video", "sendonly")):
        caller.addTransceiver(kind, direction=direction)
    caller.createDataChannel("chat")
    await caller.setLocalDescription(await caller.createOffer())
    yield caller.localDescription.sdp
    await caller.close()


async def test_only_the_mdns_candidates_of_an_offer_are_left_out(offer: str) -> None:
    with_both = offer.replace("a=candidate:", f"a={MDNS}\r\na={HOST}\r\na=candidate:", 1)

    checked = checked_offer(with_both)

    assert ".local" in with_both
    assert checked == offer.replace("a=candidate:", f"a={HOST}\r\na=candidate:", 1)


async def test_a_late_mdns_candidate_is_not_looked_up(
    connection: PeerConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []

    async def take(candidate: object) -> None:
        taken.append(candidate)

    monkeypatch.setattr(connection, "add_ice_candidate", take)
    for text in (MDNS, HOST, ""):
        await connection.add_candidate(Candidate(candidate=text, sdpMid="0", sdpMLineIndex=0))

    assert len(taken) == 2
    assert getattr(taken[0], "ip", None) == "192.0.2.1"
    assert getattr(taken[0], "foundation", None) == "2"
    assert taken[1] is None  # the end of candidates


async def test_a_voice_agent_has_no_video(connection: PeerConnection, offer: str) -> None:
    answer = await connection.answer(checked_offer(offer))

    assert answer["sdp"].count("a=sendrecv") == 1
    assert answer["sdp"].count("a=inactive") == 2
    tracks = [getattr(connection, name)() for name in ("audio_input_track", *VIDEO_TRACKS)]
    assert [track is None for track in tracks] == [False, True, True]


@pytest.mark.parametrize("restarts", [1, 2])
async def test_what_the_bot_sends_during_a_restart_comes_on_the_next_channel(
    connection: PeerConnection, offer: str, restarts: int
) -> None:
    async def flat_network() -> None:
        connection.send_app_message("before")

    @connection.event_handler("disconnected")  # type: ignore[untyped-decorator]
    def lose_path(*_: object) -> None:
        connection.send_app_message("during")

    await connection.answer(checked_offer(offer))
    old = Channel(connection)
    for _ in range(restarts):
        await connection.restart(checked_offer(offer), choosing=flat_network())
    connection.send_app_message("after")
    new = Channel(connection)

    assert old.sent == ["before"]
    assert new.sent == ["during", *["before", "during"] * (restarts - 1), "after"]


async def test_a_caller_who_leaves_after_the_bot_did_has_not_hung_up(connection: PeerConnection, offer: str) -> None:
    await connection.answer(checked_offer(offer))
    channel = Channel(connection)

    await connection.disconnect()
    channel.emit("message", '{"type": "signalling", "message": {"type": "peerLeft"}}')
    await asyncio.sleep(0)

    assert connection.end == "1000"
    assert not connection.left.is_set()
