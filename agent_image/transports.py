"""How the caller's audio reaches the pipeline, and the bot's reaches the caller."""

from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport

from calls import CallSocket


class CallTransport(FastAPIWebsocketTransport):
    """Pipecat's WebSocket transport; its event `on_session_timeout` comes when AgentCore stops the session."""

    def __init__(self, *, socket: CallSocket) -> None:
        params = FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, serializer=ProtobufFrameSerializer()
        )
        super().__init__(websocket=socket, params=params)
        self._socket = socket
        socket.on_session_end = self._end_session

    async def _end_session(self) -> None:
        await self._call_event_handler("on_session_timeout", self._socket)


def create_transport(runner_args: RunnerArguments) -> BaseTransport:
    """The transport of this call. Raises `TypeError` for a kind of call that this image doesn't serve."""
    match runner_args:
        case WebSocketRunnerArguments(websocket=CallSocket() as socket):
            return CallTransport(socket=socket)
    raise TypeError(f"no transport for {type(runner_args).__name__}; this image serves calls on its own /ws")
