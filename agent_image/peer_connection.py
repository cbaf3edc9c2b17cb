"""A caller's WebRTC peer connection: Pipecat's, but only through its relay, and alive while its path may come back."""

# mypy: disable-error-code="no-untyped-call"
# Pipecat's connection carries no types.

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
)
from aiortc.mediastreams import MediaStreamTrack
from OpenSSL import SSL
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

import ice_agent
import jitter_buffer
from calls import NORMAL
from messages import Candidate
from offers import OfferError, is_mdns, read_candidate
from relay_probe import NoRelayError, Relay

# How long a caller may take to connect after an answer.
CONNECT_SECONDS = 15
_WATCH_SECONDS = 0.5
# The longest wait for a relay to take its allocation back. aioice asks for a minute when the relay is gone.
_CLOSE_SECONDS = 0.5

ice_agent.install()
jitter_buffer.install()


class PeerConnection(SmallWebRTCConnection):
    """A caller's peer connection, and after a restart the next one, under one id.

    It is over when the caller hangs up, when the bot ends it, or when nothing has come from the caller for too long.
    A path that is lost, or a relay that stops serving, is none of these: the caller may restart ICE.
    """

    def __init__(self, *, relay: Relay | None, grace_seconds: float, caller: str = "") -> None:
        self.relay = relay
        self.caller = caller
        self.on_session_end: Callable[[], Awaitable[None]] | None = None
        self.left = asyncio.Event()
        self._connection_id = uuid.uuid4().hex
        self._negotiating = asyncio.Lock()
        self._end_code, self._end_reason = NORMAL, ""
        # Of a caller from whom nothing comes: Pipecat's JavaScript client waits 5 s when a browser says "disconnected",
        # which takes a browser some 5 s to say.
        self._grace_seconds = grace_seconds
        self._deadline = 0.0
        self._ended = self._closed = False
        self._unsent: list[str] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._outgoing: MediaStreamTrack | None = None
        self._playing: asyncio.Task[None] | None = None
        super().__init__(ice_servers=_rtc_ice_servers(relay), connection_timeout_secs=CONNECT_SECONDS)

    async def answer(self, sdp: str) -> dict[str, str]:
        """Answer the caller's first offer, or a later one for the same peer connection: `sdp`, `type` and `pc_id`.

        Takes an offer that was checked. Raises `NoRelayError` when the relay allocates nothing.
        """
        async with self._negotiation():
            if self.get_answer() is None:
                await self.initialize(sdp=sdp, type="offer")
                self._watching = asyncio.create_task(self._watch())
            else:
                await self.renegotiate(sdp=sdp, type="offer")
            return self._answered()

    async def restart(self, sdp: str, *, choosing: Awaitable[Relay | None]) -> dict[str, str]:
        """Answer with a new peer connection through another relay, while the pipeline goes on. Raises as `answer`."""
        async with self._negotiation():
            self.relay = await choosing
            self.ice_servers = _rtc_ice_servers(self.relay)
            with self._messages_kept():
                await self.renegotiate(sdp=sdp, type="offer", restart_pc=True)
            return self._answered()

    async def add_candidate(self, candidate: Candidate) -> None:
        """Take a candidate that the caller found after its offer, unless it is an mDNS one. Raises `OfferError`."""
        if not is_mdns(candidate.candidate):
            await self.add_ice_candidate(read_candidate(candidate))

    def end_with(self, *, code: int, reason: str) -> None:
        """Decide how the end of the call is explained in the log."""
        self._end_code, self._end_reason = code, reason

    @property
    def end(self) -> str:
        """How the call ended."""
        return f"{self._end_code} {self._end_reason}".strip()

    async def close(self) -> None:
        """Tell the caller that the bot left, and close the peer connection, unless it is closed."""
        if self._watching:
            self._watching.cancel()
        self._ended = True
        self._outgoing = None
        async with self._negotiating:
            self._closed = True
            await self.disconnect()

    async def disconnect(self) -> None:
        """End the call as the bot does. The caller closes its side when it hears so, which is no hang-up."""
        self._ended = True
        await super().disconnect()

    def send_app_message(self, message: object) -> None:
        """Send a message, or let it wait for a data channel."""
        if self._unsent is None:
            super().send_app_message(message)
        else:
            self._unsent.append(json.dumps(message))

    def force_transceivers_to_send_recv(self) -> None:
        """Send and receive audio. Video stays off: nothing here looks at it, and decoding it needs a package more."""
        for transceiver in self.pc.getTransceivers():
            transceiver.direction = "sendrecv" if transceiver.kind == "audio" else "inactive"

    def video_input_track(self) -> None:
        """No camera. With one, Pipecat would ask the caller for another offer as soon as it is connected."""

    def screen_video_input_track(self) -> None:
        """No screen."""

    def replace_audio_track(self, track: MediaStreamTrack) -> None:
        """Send this track. When its peer connection is gone it plays to nobody: what waits for its end must go on."""
        super().replace_audio_track(track)
        self._outgoing = track

        @track.on("ended")
        def ended() -> None:
            self._playing = asyncio.create_task(self._play_to_nobody(track))

    def _initialize(self) -> None:
        """Make the peer connection. Pipecat has no other way in for a transport policy, and would change the id."""
        super()._initialize()
        policy = RTCIceTransportPolicy.RELAY if self.relay else RTCIceTransportPolicy.ALL
        self._pc = _PromptlyClosed(
            RTCConfiguration(
                iceServers=self.ice_servers, iceTransportPolicy=policy, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE
            )
        )
        self._pc_id = self._connection_id
        self._setup_listeners()
        self._pc.on("datachannel", self._watch_channel)

    @asynccontextmanager
    async def _negotiation(self) -> AsyncIterator[None]:
        async with self._negotiating:
            if self._closed:
                raise OfferError("the call has ended meanwhile; start a new session")
            self._deadline = time.monotonic() + CONNECT_SECONDS
            yield
            self._deadline = time.monotonic() + CONNECT_SECONDS

    @contextmanager
    def _messages_kept(self) -> Iterator[None]:
        """Keep what waits for a data channel, or comes meanwhile, for the next one: Pipecat's restart would lose it."""
        self._unsent = [*self._outgoing_messages_queue]
        try:
            yield
        finally:
            self._outgoing_messages_queue, self._unsent = self._unsent, None

    def _answered(self) -> dict[str, str]:
        answer: dict[str, str] | None = self.get_answer()
        if answer is None or "\na=candidate:" not in answer["sdp"]:
            raise NoRelayError("the TURN server that was chosen gave no relay")
        return answer

    async def _handle_new_connection_state(self) -> None:
        """Pipecat ends a call that loses its path; here only a caller who closes the connection does that."""
        if self.pc.connectionState not in ("failed", "closed"):
            await super()._handle_new_connection_state()
        elif _closed_by_caller(self.pc):
            await self._end("the caller hung up")

    async def _handle_signalling_message(self, message: Mapping[str, Any]) -> None:
        if message.get("type") == "peerLeft":
            await self._end("the caller hung up")
        else:
            await super()._handle_signalling_message(message)

    def _watch_channel(self, channel: RTCDataChannel) -> None:
        pc = self.pc

        @channel.on("close")
        async def closed() -> None:
            if pc is self.pc and pc.signalingState != "closed":
                await self._end("the caller hung up")

    async def _watch(self) -> None:
        """End the call when nothing has come from the caller for too long."""
        received = 0
        while time.monotonic() < self._deadline:
            await asyncio.sleep(_WATCH_SECONDS)
            before, received = received, await _packets_received(self.pc)
            if received != before:
                self._deadline = time.monotonic() + self._grace_seconds
        await self._end("the caller was lost")

    async def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self.left.set()
            self.end_with(code=NORMAL, reason=reason)
            await self._call_event_handler("closed")  # which the transport makes on_client_disconnected of

    async def _play_to_nobody(self, track: MediaStreamTrack) -> None:
        while self._outgoing is track:
            await track.recv()


class _PromptlyClosed(RTCPeerConnection):
    """A peer connection whose `close` goes on in the background when its relay doesn't answer."""

    _closing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        self._closing = self._closing or asyncio.create_task(super().close())
        await asyncio.wait([self._closing], timeout=_CLOSE_SECONDS)


def _rtc_ice_servers(relay: Relay | None) -> list[RTCIceServer]:
    if relay is None:
        return []
    server = relay.server
    return [RTCIceServer(urls=server.uri, username=server.username, credential=server.credential)]


def _closed_by_caller(pc: RTCPeerConnection) -> bool:
    """Whether a DTLS close_notify came (RFC 9147, 5.10): aiortc reports it no different from the loss of a relay."""
    connections = (transceiver.receiver.transport._ssl for transceiver in pc.getTransceivers())
    return any(each and each.get_shutdown() & SSL.RECEIVED_SHUTDOWN for each in connections)


async def _packets_received(pc: RTCPeerConnection) -> int:
    stats = await pc.getStats()
    return sum(each.packetsReceived for each in stats.values() if each.type == "transport")
