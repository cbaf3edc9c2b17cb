"""A caller for the tests that calls by WebRTC: a real peer connection of aiortc, through a TURN server."""

import asyncio
import fractions
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack
from av import AudioFrame

from tests.agent_image.agent_process import AgentProcess, until
from tests.agent_image.caller import CLIENT_READY, FRAME_SECONDS, LOUD, SAMPLE_RATE, Caller, Message, rtvi

PING_SECONDS = 1.0


class Microphone(AudioStreamTrack):
    """The caller's voice, as a track."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self._frames = caller.microphone()
        self._count = 0

    async def recv(self) -> AudioFrame:
        samples = np.frombuffer(await anext(self._frames), np.int16)
        frame = AudioFrame.from_ndarray(samples[None, :], layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        frame.pts = self._count * int(SAMPLE_RATE * FRAME_SECONDS)
        self._count += 1
        return frame


@dataclass(kw_only=True)
class PeerCaller(Caller):
    """A call that is offered to /invocations. With `pings`, it sends the keep-alive of Pipecat's JavaScript client."""

    agent: AgentProcess
    ice_servers: list[dict[str, Any]]
    pings: bool = True
    videos: int = 0
    peer_left: bool = False
    asked_to_renegotiate: bool = False
    pc: RTCPeerConnection = field(init=False)
    channel: RTCDataChannel = field(init=False)
    opened: asyncio.Event = field(init=False)
    pc_id: str | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        agent: AgentProcess,
        *,
        ice_servers: list[dict[str, Any]],
        agent_ice_servers: list[dict[str, Any]] | None = None,
        body: Mapping[str, Any] | None = None,
        pings: bool = True,
        videos: int = 0,
    ) -> AsyncIterator[Self]:
        """Place a call, and wait for its data channel."""
        caller = cls(agent=agent, ice_servers=ice_servers, pings=pings, videos=videos)
        try:
            await caller.dial(ice_servers=agent_ice_servers, body=body)
            await caller.send_message("client-ready", CLIENT_READY)
            yield caller
        finally:
            await caller.vanish()

    async def dial(
        self, *, ice_servers: list[dict[str, Any]] | None = None, body: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        """Offer a new peer connection, to a live call with `restart=True`, and wait until it is connected."""
        await self.accept(await self.offer(await self.new_offer(), ice_servers=ice_servers, body=body, **more))
        async with asyncio.timeout(10):
            await self.opened.wait()
        if self.pings:
            self._spawn(self._ping(self.channel))

    async def new_offer(self) -> str:
        """Begin a new peer connection; its offer."""
        self.pc = self._new_peer_connection()
        self.channel = self.pc.createDataChannel("chat")
        self.channel.on("message", self._hear)
        self.opened = asyncio.Event()
        self.channel.on("open", self.opened.set)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def accept(self, answer: dict[str, Any]) -> None:
        """Take the agent's answer."""
        assert "error" not in answer, answer
        self.answer, self.pc_id = answer, answer["pc_id"]
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type=answer["type"]))

    async def offer(self, sdp: str, *, ice_servers: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        """Send an offer; what the agent answers."""
        message: dict[str, Any] = {"type": "offer", "sdp": sdp, "pcId": self.pc_id, "restart": False, "body": {}}
        message["iceServers"] = self.ice_servers if ice_servers is None else ice_servers
        message.update({key: value for key, value in more.items() if value is not None})
        answer = await self.agent.http.post("/invocations", json=message, timeout=10)
        assert answer.status_code == httpx.codes.OK, answer.text
        return dict(answer.json())

    async def trickle(self, *candidates: Mapping[str, Any]) -> dict[str, Any]:
        """Send candidates; what the agent answers."""
        message = {"type": "ice-candidates", "pcId": self.pc_id, "candidates": candidates}
        answer = await self.agent.http.post("/invocations", json=message)
        assert answer.status_code == httpx.codes.OK, answer.text
        return dict(answer.json())

    async def restart(self, *, ice_servers: list[dict[str, Any]] | None = None) -> None:
        """Restart ICE as Pipecat's JavaScript client does: with a new peer connection; then the old one closes."""
        old = self.pc
        await self.dial(restart=True, ice_servers=ice_servers)
        await close(old)

    async def send_message(self, kind: str, data: Mapping[str, Any]) -> None:
        self.channel.send(json.dumps(rtvi(kind, data)))

    async def hung_up(self, *, within: float = 10.0) -> None:
        """Wait until the agent has closed the peer connection."""

        async def closed() -> bool:
            return bool(self.pc.connectionState == "closed")

        await until(closed, within=within)

    async def vanish(self) -> None:
        """Close what the caller has. The agent hears of it when the path still works."""
        for task in self._tasks:
            task.cancel()
        await close(self.pc)

    def _new_peer_connection(self) -> RTCPeerConnection:
        servers = [RTCIceServer(**{**server, "urls": server["urls"][:1]}) for server in self.ice_servers]
        policy = RTCIceTransportPolicy.RELAY if servers else RTCIceTransportPolicy.ALL
        pc = RTCPeerConnection(RTCConfiguration(iceServers=servers, iceTransportPolicy=policy))
        pc.addTrack(Microphone(self))
        for _ in range(self.videos):
            pc.addTransceiver("video", direction="sendrecv")
        pc.on("track", lambda track: self._spawn(self._listen(track)))
        return pc

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                samples = frame.to_ndarray()
                if np.abs(samples.astype(np.int32)).max() > LOUD:
                    await self.note(samples.tobytes())

    async def _ping(self, channel: RTCDataChannel) -> None:
        while channel.readyState == "open":
            channel.send(f"ping: {time.time_ns() // 1_000_000}")
            await asyncio.sleep(PING_SECONDS)

    async def _hear(self, data: str) -> None:
        message = json.loads(data)
        if message.get("label") == "rtvi-ai":
            await self.note(Message.read(message))
        elif message.get("type") == "signalling":
            self.peer_left |= message["message"]["type"] == "peerLeft"
            self.asked_to_renegotiate |= message["message"]["type"] == "renegotiate"


async def close(pc: RTCPeerConnection) -> None:
    """Close it, without waiting for a TURN server that may be gone: aioice asks that for a minute."""
    await asyncio.wait([asyncio.create_task(pc.close())], timeout=1)
