"""Two aiortc peers, as caller and agent, that reach each other through the coturn on loopback alone."""

import asyncio
import time
from typing import Any

import aiortc.rtcicetransport
import pytest
from aioice.ice import Connection
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from local.kinesisvideo.credentials import ice_server_list

from .conftest import Relay, needs_coturn

FRAMES = 10


def peer(server: dict[str, Any], uri: str) -> RTCPeerConnection:
    """A peer that gathers relayed candidates only, through one URI."""
    ice_server = RTCIceServer(urls=[uri], username=server["Username"], credential=server["Password"])
    configuration = RTCConfiguration(
        iceServers=[ice_server],
        bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        iceTransportPolicy=RTCIceTransportPolicy.RELAY,
    )
    return RTCPeerConnection(configuration)


async def first_frames(connection: RTCPeerConnection) -> int:
    """Wait for audio from the other side; return the samples of its first frames."""
    (receiver,) = connection.getReceivers()
    frames = [await receiver.track.recv() for _ in range(FRAMES)]
    return sum(frame.samples for frame in frames if isinstance(frame, AudioFrame))


@needs_coturn
@pytest.mark.parametrize(("caller_uri", "agent_uri"), [(0, 0), (0, 2), (2, 2)])
async def test_audio_passes_between_two_relayed_peers(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, caller_uri: int, agent_uri: int
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(relay.bundle))
    # Plain peers: the agent's own ICE, which another test may have installed, is made to meet a caller's, not itself.
    monkeypatch.setattr(aiortc.rtcicetransport, "Connection", Connection)
    first, second = ice_server_list(relay.coturn.servers(), channel="turn-0", now=time.time())
    caller, agent = peer(first, first["Uris"][caller_uri]), peer(second, second["Uris"][agent_uri])
    try:
        async with asyncio.timeout(20):
            caller.addTrack(AudioStreamTrack())
            agent.addTrack(AudioStreamTrack())
            await caller.setLocalDescription(await caller.createOffer())
            await agent.setRemoteDescription(RTCSessionDescription(caller.localDescription.sdp, "offer"))
            await agent.setLocalDescription(await agent.createAnswer())
            await caller.setRemoteDescription(RTCSessionDescription(agent.localDescription.sdp, "answer"))
            heard = await asyncio.gather(first_frames(caller), first_frames(agent))
    finally:
        await asyncio.gather(caller.close(), agent.close())

    for description in (caller.localDescription.sdp, agent.localDescription.sdp):
        candidates = [line for line in description.splitlines() if line.startswith("a=candidate:")]
        assert candidates
        assert all(" 127.0.0.1 " in line and " typ relay" in line for line in candidates)
    assert all(samples > 0 for samples in heard)
