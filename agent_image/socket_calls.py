"""The WebSocket calls of this process: one a session, however many WebSockets it takes."""

import asyncio

from starlette.websockets import WebSocket

from call_socket import CallSocket
from calls import POLICY_VIOLATION, Calls, converse
from custom_body import decode_body
from custom_headers import BODY_HEADER, HeaderError, asks_to_resume, read_caller
from loading import BotLoader
from settings import current_settings
from snapshot import renew_randomness
from status import Status
from telemetry import continue_trace

_ENDED = "this call has ended; start a new session"


class SocketCalls:
    """Answers WebSockets: the first of a session begins a call, and each later one takes the place of the last."""

    def __init__(self, *, loader: BotLoader, calls: Calls, status: Status, grace_seconds: float) -> None:
        self._loader = loader
        self._calls = calls
        self._status = status
        self._grace_seconds = grace_seconds
        self._sockets: dict[str, CallSocket] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def answer(self, websocket: WebSocket, *, session_id: str | None) -> None:
        """Take a WebSocket; returns when the call needs it no more. Without a session's id, no call goes on."""
        await websocket.accept()
        try:
            resuming = asks_to_resume(websocket.headers)
        except HeaderError as error:
            await websocket.close(POLICY_VIOLATION, str(error))
            return
        socket = self._sockets.get(session_id) if session_id else None
        if socket is None or not socket.alive:
            if resuming:
                await websocket.close(POLICY_VIOLATION, _ENDED)
                return
            socket = self._begin(websocket, session_id=session_id)
        await socket.carry(websocket)

    async def finished(self) -> None:
        """Wait for the end of all calls."""
        if self._running:
            await asyncio.wait(self._running)

    def _begin(self, websocket: WebSocket, *, session_id: str | None) -> CallSocket:
        socket = CallSocket(websocket, grace_seconds=self._grace_seconds if session_id else 0)
        if session_id:
            self._sockets[session_id] = socket
        call = asyncio.create_task(self._run(socket, session_id=session_id))
        self._running.add(call)
        call.add_done_callback(self._running.discard)
        return socket

    async def _run(self, socket: CallSocket, *, session_id: str | None) -> None:
        with self._status.call():
            await self._calls.run(self._converse(socket, session_id=session_id), connection=socket)
        if session_id and self._sockets[session_id] is socket:
            del self._sockets[session_id]

    async def _converse(self, socket: CallSocket, *, session_id: str | None) -> None:
        """Let the bot talk; it is told of the caller by the URL's signed headers."""
        body = decode_body(socket.headers.get(BODY_HEADER))
        socket.caller = read_caller(socket.headers)
        bot = await self._loader.bot()
        from pipecat.runner.types import WebSocketRunnerArguments

        renew_randomness()
        continue_trace(socket.headers, settings=current_settings())
        arguments = WebSocketRunnerArguments(websocket=socket, body=body, session_id=session_id)
        await converse(bot(arguments), left=socket.left)
