"""One WebRTC connection to the agent: audio both ways, and the data channel of Pipecat's SmallWebRTC transport."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from time import monotonic

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from av import AudioFrame

from switchboard import turn_allocation
from switchboard.audio import SAMPLE_RATE, BotAudio
from switchboard.errors import OperatorError
from switchboard.ice import IceChoice
from switchboard.report import PathFacts
from switchboard.session import connection_failure
from switchboard.signaling import Answer, Candidate, Signaling

# They log addresses, and failures that we tell ourselves.
for _library in ("aioice", "aiortc"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)

_LOOK_SECONDS = 0.01

turn_allocation.install()


class PeerConnection:
    """Gathers, offers, connects; audio and messages are handed over as they come. Times are monotonic seconds."""

    def __init__(
        self,
        ice: IceChoice,
        *,
        started: float,
        on_audio: Callable[[BotAudio], None],
        on_message: Callable[[str | bytes], None],
    ) -> None:
        self._ice = ice
        self._on_audio = on_audio
        self._on_message = on_message
        self._started = self._offered = self._answered = started
        self._opened = self._first_packet = float("inf")
        self._candidate_types = ("", "")
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self.last_heard = started
        """When the bot's last packet or message came; `started` as long as none has."""
        self._connection = RTCPeerConnection(_configuration(ice))
        self._connection.on("connectionstatechange", self._changed.set)
        self._connection.on("track", self._hear)
        self._microphone = _MicrophoneTrack()
        self._transceiver = self._connection.addTransceiver(self._microphone, direction="sendrecv")
        self._channel = self._connection.createDataChannel("chat", ordered=True)
        self._channel.on("open", self._changed.set)
        self._channel.on("message", self._receive)

    @property
    def silent_seconds(self) -> float:
        """How long nothing has come from the bot; 0 as long as it sends no audio: some bots do so only to speak."""
        return monotonic() - self.last_heard if self._first_packet < float("inf") else 0.0

    @property
    def broken(self) -> bool:
        """Whether the connection has failed, or is closed."""
        return self._connection.connectionState in {"failed", "closed"}

    async def negotiate(self, signaling: Signaling, *, pc_id: str | None, restart: bool, trickle: bool) -> str:
        """Gather candidates unless that is done, offer, and take the answer; returns the answer's pc_id.

        `trickle` sends the candidates after the answer instead of in the offer. Raises OperatorError.
        """
        await self._connection.setLocalDescription(await self._connection.createOffer())
        sdp = self._connection.localDescription.sdp
        offered = monotonic()
        answer = await signaling.offer(sdp=_without_candidates(sdp) if trickle else sdp, pc_id=pc_id, restart=restart)
        if self._opened > monotonic():  # A later negotiation leaves the path as it is.
            self._offered, self._answered = offered, monotonic()
        await self._accept(answer)
        if trickle:
            await signaling.candidates(pc_id=answer.pc_id, candidates=_candidates(sdp))
        return answer.pc_id

    async def open(self, *, timeout_seconds: float) -> None:
        """Wait for the data channel to open. Raises OperatorError (CONNECTING)."""
        self._tasks.append(asyncio.create_task(self._note_packets()))
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._channel.readyState != "open" and not self.broken:
                    await self._changed.wait()
                    self._changed.clear()
        if self._channel.readyState != "open":
            raise self._failure(timeout_seconds)
        self._opened = monotonic()
        # aiortc tells nobody which pair it uses.
        pair = self._transceiver.receiver.transport.transport._connection._nominated[1]
        self._candidate_types = (pair.local_candidate.type, pair.remote_candidate.type)

    def path(self, *, silent_since: float | None) -> PathFacts:
        """What is reported of an open connection; `silent_since` is when the one before it was last heard."""
        local, remote = self._candidate_types
        heard = self._first_packet < float("inf")
        return PathFacts(
            local_candidate=local,
            remote_candidate=remote,
            turn_protocol=self._ice.turn.protocol if self._ice.turn and local == "relay" else None,
            gathering_seconds=self._offered - self._started,
            answer_seconds=self._answered - self._offered,
            data_channel_seconds=self._opened - self._offered,
            media_seconds=self._first_packet - self._offered if heard else None,
            interruption_seconds=self._first_packet - silent_since if heard and silent_since is not None else None,
        )

    def send_audio(self, pcm: bytes) -> None:
        """Send a frame of mono PCM16 at SAMPLE_RATE."""
        self._microphone.push(pcm)

    def send(self, text: str) -> None:
        """Send a message; lost when the data channel is not open, as in browsers."""
        if self._channel.readyState == "open":
            self._channel.send(text)

    async def close(self) -> None:
        """Takes 30 s and more where the TURN server does not answer any longer."""
        for task in self._tasks:
            task.cancel()
        await self._connection.close()

    async def _accept(self, answer: Answer) -> None:
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=answer.sdp, type="answer"))
        except (ValueError, InvalidAccessError, InvalidStateError, OperationError):
            problem = "the agent's answer is not an SDP that fits the offer"
            raise connection_failure(problem, "the agent speaks another WebRTC than SmallWebRTC") from None

    def _failure(self, timeout_seconds: float) -> OperatorError:
        if self._connection.iceConnectionState == "completed":
            problem = f"a path was found, but no data channel opened on it within {timeout_seconds:g} s"
            return connection_failure(problem, "packets are lost on the path", "the agent ended meanwhile")
        relays = (
            "none of the TURN servers can be used from here"
            if self._ice.turn_failed
            else "no packet gets through between the candidates of both sides: at least one needs a TURN server"
        )
        return connection_failure(f"no path to the agent was found within {timeout_seconds:g} s", relays)

    def _hear(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._read(track)))

    async def _read(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, AudioFrame):
                    self._on_audio(_mono(frame))

    def _receive(self, message: str | bytes) -> None:
        self.last_heard = monotonic()
        self._on_message(message)

    async def _note_packets(self) -> None:
        # Frames are no measure: aiortc's jitter buffer delays them by 80 ms.
        while True:
            for source in self._transceiver.receiver.getSynchronizationSources():
                arrived = monotonic() - (datetime.now(UTC) - source.timestamp).total_seconds()
                self._first_packet = min(self._first_packet, arrived)
                self.last_heard = max(self.last_heard, arrived)
            await asyncio.sleep(_LOOK_SECONDS)


class _MicrophoneTrack(MediaStreamTrack):
    """Hands the microphone's frames to aiortc, which resamples and encodes them."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._samples = 0

    def push(self, pcm: bytes) -> None:
        if self.readyState == "live":
            self._frames.put_nowait(pcm)

    async def recv(self) -> AudioFrame:
        pcm = await self._frames.get()
        frame = AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples
        self._samples += frame.samples
        return frame


def _configuration(ice: IceChoice) -> RTCConfiguration:
    servers = [RTCIceServer(urls=ice.stun_uri)] if ice.stun_uri else []
    if ice.turn:
        servers.append(
            RTCIceServer(urls=ice.turn.uri, username=ice.turn.username, credential=ice.turn.credential),
        )
    return RTCConfiguration(
        iceServers=servers,
        iceTransportPolicy=RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL,
        # One ICE transport for all, and so one TURN allocation.
        bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
    )


def _mono(frame: AudioFrame) -> BotAudio:
    samples = frame.to_ndarray()[0, :: frame.layout.nb_channels]
    return BotAudio(pcm=samples.tobytes(), sample_rate=frame.sample_rate)


def _without_candidates(sdp: str) -> str:
    lines = sdp.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates")))


def _candidates(sdp: str) -> list[Candidate]:
    """Those of the first media section: the others are bundled with it."""
    section = sdp.split("\nm=")[1]
    lines = section.splitlines()
    mid = next(line.removeprefix("a=mid:") for line in lines if line.startswith("a=mid:"))
    return [
        Candidate(candidate=line.removeprefix("a="), sdp_mid=mid, sdp_mline_index=0)
        for line in lines
        if line.startswith("a=candidate:")
    ]
