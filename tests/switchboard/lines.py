"""The stand-in agent's end of a call, over either transport: what a bot hears, says and does to the connection."""

import asyncio
import importlib
import json
import queue
import threading
from collections.abc import Coroutine
from contextlib import suppress
from fractions import Fraction
from functools import cache
from socket import SHUT_RDWR
from time import monotonic, sleep
from typing import Any, Protocol

import numpy as np
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

frames_pb2 = importlib.import_module("pipecat.frames.protobufs.frames_pb2")


class HungUpError(Exception):
    """The caller has gone."""


class Line(Protocol):
    caller_sample_rate: int

    def hear(self, *, timeout: float | None) -> bytes | dict[str, object]:
        """The caller's next audio (mono PCM16) or message. Raises TimeoutError, HungUpError."""

    def send(self, message: str) -> None: ...

    def play(self, pcm: bytes, *, sample_rate: int) -> None: ...

    def hang_up(self) -> None:
        """End the call as a bot does."""

    def drop(self) -> None:
        """Let the connection end without a word."""


class WebSocketLine:
    caller_sample_rate = 16_000

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    def hear(self, *, timeout: float | None) -> bytes | dict[str, object]:
        try:
            frame = frames_pb2.Frame.FromString(self.connection.recv(timeout=timeout))
        except ConnectionClosed:
            raise HungUpError from None
        if frame.WhichOneof("frame") == "message":
            message: dict[str, object] = json.loads(frame.message.data)
            return message
        return bytes(frame.audio.audio)

    def send(self, message: str) -> None:
        frame = frames_pb2.Frame()
        frame.message.data = message
        self._send(frame)

    def play(self, pcm: bytes, *, sample_rate: int) -> None:
        step = sample_rate * 2 // 25
        for start in range(0, len(pcm), step):
            frame = frames_pb2.Frame()
            frame.audio.audio = pcm[start : start + step]
            frame.audio.sample_rate = sample_rate
            frame.audio.num_channels = 1
            self._send(frame)

    def hang_up(self) -> None:
        self.connection.close()

    def drop(self) -> None:
        self.connection.socket.shutdown(SHUT_RDWR)

    def _send(self, frame: Any) -> None:
        try:
            self.connection.send(frame.SerializeToString())
        except ConnectionClosed:
            raise HungUpError from None


class WebRtcLine:
    """An agent as Pipecat's SmallWebRTC connection is, without TURN; its threads' event loop is one for all tests."""

    caller_sample_rate = 48_000

    def __init__(self) -> None:
        self.offers: list[dict[str, Any]] = []
        self.control: list[str | dict[str, Any]] = []
        """Pings and signalling messages."""
        self._inbox: queue.Queue[bytes | dict[str, object] | None] = queue.Queue()
        self._unsaid = bytearray()
        self._unsent: list[str] = []
        self._dropped = False
        self._connections: list[RTCPeerConnection] = []
        self._channel: RTCDataChannel | None = None
        self._readers: set[asyncio.Task[None]] = set()

    def answer(self, offer: dict[str, Any]) -> dict[str, object]:
        self.offers.append(offer)
        return _run(self._answer(offer))

    def add_candidates(self, candidates: list[dict[str, Any]]) -> None:
        _run(self._add_candidates(candidates))

    def hear(self, *, timeout: float | None) -> bytes | dict[str, object]:
        try:
            item = self._inbox.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        if item is None:
            raise HungUpError
        return item

    def send(self, message: str) -> None:
        _run(self._send(message))

    def play(self, pcm: bytes, *, sample_rate: int) -> None:
        """Takes as long as the audio does, as in Pipecat."""
        samples = np.frombuffer(pcm, dtype=np.int16).repeat(48_000 // sample_rate)
        self._unsaid += samples.tobytes()
        sleep(len(samples) / 48_000)

    def hang_up(self) -> None:
        self.send(json.dumps({"type": "signalling", "message": {"type": "peerLeft"}}))
        self.drop()

    def drop(self) -> None:
        self._dropped = True
        if self._connections:
            _run(self._close())
        self._inbox.put(None)

    def lose_path(self) -> None:
        """As when a NAT forgets its mapping: no packet comes through any longer, and nobody is told."""
        _run(self._lose_path())

    def ask_to_renegotiate(self) -> None:
        self.send(json.dumps({"type": "signalling", "message": {"type": "renegotiate"}}))

    async def _answer(self, offer: dict[str, Any]) -> dict[str, object]:
        if offer["restart_pc"]:
            await self._close()
        if offer["restart_pc"] or not self._connections:
            self._connections.append(self._new_connection())
        connection = self._connections[-1]
        await connection.setRemoteDescription(RTCSessionDescription(sdp=offer["sdp"], type="offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        pc_id = f"connection-{len(self._connections)}"
        return {"sdp": connection.localDescription.sdp, "type": "answer", "pc_id": pc_id}

    async def _close(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await self._connections[-1].close()

    def _new_connection(self) -> RTCPeerConnection:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        connection.addTrack(_Voice(self._unsaid))
        connection.on("datachannel", self._take_channel)
        connection.on("track", self._take_track)
        return connection

    def _take_channel(self, channel: RTCDataChannel) -> None:
        assert (channel.label, channel.ordered) == ("chat", True)
        self._channel = channel
        channel.on("message", self._take_message)
        while self._unsent:
            channel.send(self._unsent.pop(0))

    def _take_message(self, message: str) -> None:
        if message.startswith("ping: "):
            self.control.append(message)
            return
        content = json.loads(message)
        if content["type"] == "signalling":
            self.control.append(content["message"])
        else:
            self._inbox.put(content)

    def _take_track(self, track: MediaStreamTrack) -> None:
        reader = asyncio.ensure_future(self._read(track))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)

    async def _read(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._inbox.put(frame.to_ndarray()[0, ::2].tobytes())

    async def _add_candidates(self, candidates: list[dict[str, Any]]) -> None:
        for item in candidates:
            candidate = candidate_from_sdp(item["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = item["sdp_mid"], item["sdp_mline_index"]
            await self._connections[-1].addIceCandidate(candidate)

    async def _send(self, message: str) -> None:
        if self._dropped:
            raise HungUpError
        if self._channel is None or self._channel.readyState != "open":
            self._unsent.append(message)  # for the channel of the next path
        else:
            self._channel.send(message)

    async def _lose_path(self) -> None:
        [transceiver] = self._connections[-1].getTransceivers()
        for protocol in transceiver.receiver.transport.transport._connection._protocols:
            protocol.transport.close()


class _Voice(MediaStreamTrack):
    kind = "audio"

    def __init__(self, unsaid: bytearray) -> None:
        super().__init__()
        self._unsaid = unsaid
        self._started = monotonic()
        self._samples = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(self._started + self._samples / 48_000 - monotonic())
        frame = AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(bytes(self._unsaid[:1920]).ljust(1920, b"\0"))
        del self._unsaid[:1920]
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._samples, Fraction(1, 48_000)
        self._samples += 960
        return frame


@cache
def _event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def _run[Result](work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run_coroutine_threadsafe(work, _event_loop()).result(timeout=10)
