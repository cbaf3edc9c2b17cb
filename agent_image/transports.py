"""How the caller's audio reaches the pipeline, and the bot's reaches the caller."""

from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments, WebSocketRunnerArguments
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

from call_socket import CallSocket
from calls import Connection
from peer_connection import PeerConnection

# Pipecat gives a transport up for good when a write takes longer than 10 s, but a write may have to wait for the caller
# to come back: up to 40 s until the server knows that the network is gone, and the grace time.
_LONGEST_WRITE_SECONDS = 400.0


class SocketTransport(FastAPIWebsocketTransport):
    """Pipecat's WebSocket transport; its event `on_session_timeout` comes when AgentCore stops the session.

    A WebSocket that takes another's place is no event: `on_client_connected` comes once, and `on_client_disconnected`
    when the caller is gone for good.
    """

    def __init__(self, *, socket: CallSocket) -> None:
        params = FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_write_timeout_secs=_LONGEST_WRITE_SECONDS,
            serializer=ProtobufFrameSerializer(),
        )
        super().__init__(websocket=socket, params=params)
        self.connection: Connection = socket
        self._output = _PatientOutput(self, self._client, params, name=self._output_name)
        self._output.socket = socket
        socket.on_session_end = self._end_session

    async def _end_session(self) -> None:
        await self._call_event_handler("on_session_timeout", self.connection)


class _PatientOutput(FastAPIWebsocketOutputTransport):
    """Stops in mid-word when the caller is lost, and goes on there when the caller is back."""

    socket: CallSocket

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        await self.socket.connected()
        return await super().write_audio_frame(frame)


class PeerTransport(SmallWebRTCTransport):
    """Pipecat's WebRTC transport, with the events of `SocketTransport`.

    A restart of ICE is no event: `on_client_connected` comes once, and `on_client_disconnected` when the caller is gone
    for good.
    """

    def __init__(self, *, connection: PeerConnection) -> None:
        super().__init__(connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True))
        self._register_event_handler("on_session_timeout")
        self.connection: Connection = connection
        self._connected = False
        connection.on_session_end = self._end_session

    async def _on_client_connected(self, webrtc_connection: SmallWebRTCConnection) -> None:
        if not self._connected:
            self._connected = True
            await super()._on_client_connected(webrtc_connection)  # type: ignore[no-untyped-call]

    async def _end_session(self) -> None:
        await self._call_event_handler("on_session_timeout", self.connection)


type Transport = SocketTransport | PeerTransport


def create_transport(runner_args: RunnerArguments) -> Transport:
    """The transport of this call. Raises `TypeError` for a kind of call that this image doesn't serve."""
    match runner_args:
        case WebSocketRunnerArguments(websocket=CallSocket() as socket):
            return SocketTransport(socket=socket)
        case SmallWebRTCRunnerArguments(webrtc_connection=PeerConnection() as connection):
            return PeerTransport(connection=connection)
    raise TypeError(f"no transport for {type(runner_args).__name__}; this image serves calls on its own /ws and offers")
