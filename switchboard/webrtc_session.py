"""A call over WebRTC, as Pipecat's SmallWebRTC client holds it: a lost path is replaced, and the call goes on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from switchboard.audio import FRAME_SECONDS, BotAudio
from switchboard.errors import OperatorError
from switchboard.ice import IcePolicy, choose_ice_servers
from switchboard.peer_connection import PeerConnection
from switchboard.report import PathFacts
from switchboard.rtvi import WireError, client_ready, json_message, rtvi_message
from switchboard.session import EndedBy, Ending, Session, connection_failure
from switchboard.signaling import IceServer, RefusedError, Signaling

_LONGEST_CONNECT_SECONDS = 15.0
"""The agent gives up as late as this."""
_CLOSE_TIMEOUT_SECONDS = 2.0
_PING_SECONDS = 1.0
# As the JavaScript client: https://github.com/pipecat-ai/pipecat-client-web-transports, small-webrtc-transport.
SILENCE_SECONDS = 5.0
"""After the last packet and the last message, the path counts as lost."""
_RESTARTS_IN_A_ROW = 3
_RESTART_PAUSE_SECONDS = 2.0
_MICROPHONE_IS_ON = {"type": "trackStatus", "receiver_index": 0, "enabled": True}


class WebRtcSession(Session):
    """A call over one peer connection after the other; `open` first."""

    def __init__(self, signaling: Signaling, *, policy: IcePolicy, trickle: bool, timeout_seconds: float) -> None:
        super().__init__(ending=Ending(by=EndedBy.CALLER))
        self._signaling = signaling
        self._policy = policy
        self._trickle = trickle
        self._timeout_seconds = min(timeout_seconds, _LONGEST_CONNECT_SECONDS)
        self._pc_id: str | None = None
        self._peers: list[tuple[PeerConnection, float | None]] = []
        """Those that opened, each with the time at which the one before it was last heard."""
        self._renegotiate = False
        self._closing: list[asyncio.Task[None]] = []

    @property
    def paths(self) -> list[PathFacts]:
        """The first path, and one for each ICE restart."""
        return [peer.path(silent_since=silent_since) for peer, silent_since in self._peers]

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self._peers)

    async def open(self, ice_servers: Sequence[IceServer]) -> None:
        """Connect, and tell the bot to begin. Raises OperatorError: the signaling's, or CONNECTING."""
        await self._connect(ice_servers, silent_since=None)
        self.connected = monotonic()
        self._peer.send(json.dumps({"type": "signalling", "message": _MICROPHONE_IS_ON}))
        self._peer.send(client_ready())

    async def closed(self) -> None:
        """Wait until nothing is left of the connections, or for 2 s: a TURN server may not answer any longer."""
        if self._closing:
            _, unfinished = await asyncio.wait(self._closing, timeout=_CLOSE_TIMEOUT_SECONDS)
            for closing in unfinished:
                closing.cancel()

    @property
    def _peer(self) -> PeerConnection:
        return self._peers[-1][0]

    def _work(self) -> list[Coroutine[None, None, None]]:
        return [self.microphone.run(), self._ping(), self._watch()]

    async def _close(self) -> None:
        self._discard(self._peer)

    async def _send_audio(self, pcm: bytes) -> None:
        self._peer.send_audio(pcm)

    async def _ping(self) -> None:
        while not self.over:
            await asyncio.sleep(_PING_SECONDS)
            self._peer.send(f"ping: {time.time_ns() // 1_000_000}")

    async def _watch(self) -> None:
        while not self.over:
            await asyncio.sleep(FRAME_SECONDS)
            if self._peer.broken or self._peer.silent_seconds > SILENCE_SECONDS:
                await self._restart()
            elif self._renegotiate:
                self._renegotiate = False
                await self._offer_again()

    async def _offer_again(self) -> None:
        try:
            await self._offer(self._peer, restart=False)
        except OperatorError:
            await self._restart()

    async def _restart(self) -> None:
        """Replace the peer connection; the call ends when the agent refuses, or can't be reached."""
        lost = self._peer
        reason = ""
        for failures in range(_RESTARTS_IN_A_ROW):
            await asyncio.sleep(_RESTART_PAUSE_SECONDS if failures else 0)
            if self.over:
                return
            try:
                await self._connect(await self._signaling.fresh_ice_servers(), silent_since=lost.last_heard)
            except OperatorError as error:
                reason = error.problem
                if isinstance(error, RefusedError):
                    break
            else:
                self._discard(lost)
                return
        self._end(Ending(by=EndedBy.DROPPED, reason=f"the path was lost and not restored: {reason}"))

    async def _connect(self, ice_servers: Sequence[IceServer], *, silent_since: float | None) -> None:
        started = monotonic()
        ice = await choose_ice_servers(ice_servers, policy=self._policy)
        if ice.relay_only and ice.turn is None:
            cause = "the network lets nothing through to them" if ice.turn_failed else "the list has none"
            raise connection_failure("no TURN server can be used from here", cause)
        peer = PeerConnection(ice, started=started, on_audio=self._hear, on_message=self._take)
        try:
            await self._offer(peer, restart=silent_since is not None)
            await peer.open(timeout_seconds=self._timeout_seconds)
        except BaseException:
            self._discard(peer)
            raise
        self._peers.append((peer, silent_since))

    async def _offer(self, peer: PeerConnection, *, restart: bool) -> None:
        self._pc_id = await peer.negotiate(self._signaling, pc_id=self._pc_id, restart=restart, trickle=self._trickle)

    def _discard(self, peer: PeerConnection) -> None:
        self._closing.append(asyncio.create_task(peer.close()))

    def _hear(self, audio: BotAudio) -> None:
        self.loudspeaker.play_live(audio, now=monotonic())

    def _take(self, text: str | bytes) -> None:
        try:
            message = json_message(text)
        except WireError as error:
            self._end(Ending(by=EndedBy.DROPPED, reason=f"the agent sent {error}"))
            return
        match message:
            case {"type": "signalling", "message": {"type": "peerLeft"}}:
                self._end(Ending(by=EndedBy.BOT))
            case {"type": "signalling", "message": {"type": "renegotiate"}}:
                self._renegotiate = True
            case _:
                self._note(rtvi_message(message))


@asynccontextmanager
async def open_webrtc_session(
    *,
    signaling: Signaling,
    ice_servers: Sequence[IceServer],
    timeout_seconds: float,
    policy: IcePolicy = IcePolicy.ALL,
    trickle: bool = False,
) -> AsyncIterator[WebRtcSession]:
    """Connect, and keep microphone and loudspeaker going while the block runs; hang up after it.

    `policy` and `trickle` are for trials: calls gather all candidates, and put them into the offer.
    Raises OperatorError: the signaling's, or CONNECTING when no path is found.
    """
    session = WebRtcSession(signaling, policy=policy, trickle=trickle, timeout_seconds=timeout_seconds)
    try:
        await session.open(ice_servers)
        async with session.in_progress():
            yield session
    finally:
        await session.closed()
