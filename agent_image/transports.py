"""How the caller's audio reaches the pipeline, and the bot's reaches the caller."""

from typing import TYPE_CHECKING

from pipecat.runner.types import (
    DailyRunnerArguments,
    RunnerArguments,
    SmallWebRTCRunnerArguments,
    WebSocketRunnerArguments,
)
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

from call_socket import CallSocket
from calls import Connection
from peer_connection import PeerConnection
from phone import PhoneCall, PhoneStream
from phone.transport import PhoneTransport
from socket_transport import SocketTransport

if TYPE_CHECKING:
    from daily_room.transport import RoomTransport


class PeerTransport(SmallWebRTCTransport):
    """Pipecat's WebRTC transport, with the events of `SocketTransport`.

    A restart of ICE is no event: `on_client_connected` comes once, and `on_client_disconnected` when the caller is gone
    for good.
    """

    kind = "webrtc"
    phone = None

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


type Transport = "SocketTransport | PeerTransport | RoomTransport"


def create_transport(runner_args: RunnerArguments) -> Transport:
    """The transport of this call. Raises `TypeError` for a kind of call that this image doesn't serve."""
    match runner_args:
        case WebSocketRunnerArguments(websocket=CallSocket(phone=PhoneCall(stream=PhoneStream() as stream)) as socket):
            return PhoneTransport(socket=socket, stream=stream)
        case WebSocketRunnerArguments(websocket=CallSocket() as socket):
            return SocketTransport(socket=socket)
        case SmallWebRTCRunnerArguments(webrtc_connection=PeerConnection() as connection):
            return PeerTransport(connection=connection)
        case DailyRunnerArguments():
            return _room_transport(runner_args)
    raise _unknown(runner_args)


def _room_transport(runner_args: DailyRunnerArguments) -> "RoomTransport":
    from daily_room.arguments import RoomRunnerArguments
    from daily_room.transport import RoomTransport  # with daily-python, which most deployments don't need

    if not isinstance(runner_args, RoomRunnerArguments):
        raise _unknown(runner_args)
    return RoomTransport(connection=runner_args.connection)


def _unknown(runner_args: RunnerArguments) -> TypeError:
    kind = type(runner_args).__name__
    return TypeError(
        f"no transport for {kind}; this image serves calls on its own /ws, offers, and rooms it is asked into"
    )
