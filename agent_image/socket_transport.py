"""How a call's audio passes through its WebSocket."""

from typing import Any

from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

from call_socket import CallSocket
from calls import Connection

# Pipecat gives a transport up for good when a write takes longer than 10 s, but a write may have to wait for the caller
# to come back: up to 40 s until the server knows that the network is gone, and the grace time.
_LONGEST_WRITE_SECONDS = 400.0


class PatientOutput(FastAPIWebsocketOutputTransport):
    """Stops in mid-word when the caller is lost, and goes on there when the caller is back."""

    def __init__(self, *arguments: Any, socket: CallSocket, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.socket = socket

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Send audio, once there is somebody to hear it."""
        await self.socket.connected()
        return await super().write_audio_frame(frame)


class SocketTransport(FastAPIWebsocketTransport):
    """Pipecat's WebSocket transport; its event `on_session_timeout` comes when AgentCore stops the session.

    A WebSocket that takes another's place is no event: `on_client_connected` comes once, and `on_client_disconnected`
    when the caller is gone for good. `more` are parameters of Pipecat's.
    """

    kind = "websocket"

    def __init__(self, *, socket: CallSocket, serializer: FrameSerializer | None = None, **more: Any) -> None:
        params = FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_write_timeout_secs=_LONGEST_WRITE_SECONDS,
            serializer=serializer or ProtobufFrameSerializer(),
            **more,
        )
        super().__init__(websocket=socket, params=params)
        self.connection: Connection = socket
        self.phone = socket.phone
        self._output = self._create_output(socket, params)
        socket.on_session_end = self._end_session

    def _create_output(self, socket: CallSocket, params: FastAPIWebsocketParams) -> PatientOutput:
        return PatientOutput(self, self._client, params, name=self._output_name, socket=socket)

    async def _end_session(self) -> None:
        await self._call_event_handler("on_session_timeout", self.connection)
