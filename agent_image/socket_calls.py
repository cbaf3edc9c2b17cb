"""The WebSocket calls of this process: one a session, however many WebSockets it takes."""

import asyncio

from starlette.websockets import WebSocket

from call_socket import CallSocket
from calls import POLICY_VIOLATION, Calls, RefusalError, converse
from custom_body import decode_body
from custom_headers import BODY_HEADER, asks_to_resume, read_caller
from loading import BotLoader
from phone import PhoneCall
from phone.header import read_phone_call
from phone.recognition import recognise
from phone.sessions import PhoneSessions
from settings import current_settings
from snapshot import renew_randomness
from status import Status
from telemetry import continue_trace
from telemetry.metrics import record

_ENDED = "this call has ended; start a new session"
_PHONE_ONLY = "this session is a phone call's; start a new session"
_TAKEN = "phone: this session has another call; each call needs a session of its own"
_NO_RESUMPTION = "phone: a carrier's stream can't be resumed; use the URL as it was signed"


class SocketCalls:
    """Answers WebSockets: the first of a session begins a call, and each later one takes the place of the last.

    A phone call has one, and no other call has its session: its stream is over when its carrier ends it.
    """

    def __init__(
        self, *, loader: BotLoader, calls: Calls, status: Status, phones: PhoneSessions, grace_seconds: float
    ) -> None:
        self._loader = loader
        self._calls = calls
        self._status = status
        self._phones = phones
        self._grace_seconds = grace_seconds
        self._sockets: dict[str, CallSocket] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def answer(self, websocket: WebSocket, *, session_id: str | None) -> None:
        """Take a WebSocket; returns when the call needs it no more. Without a session's id, no call goes on."""
        await websocket.accept()
        try:
            socket = self._socket(websocket, session_id=session_id)
        except RefusalError as error:
            await websocket.close(POLICY_VIOLATION, str(error))
            return
        await socket.carry(websocket)

    async def finished(self) -> None:
        """Wait for the end of all calls."""
        if self._running:
            await asyncio.wait(self._running)

    def _socket(self, websocket: WebSocket, *, session_id: str | None) -> CallSocket:
        """That of the call which goes on over this WebSocket, or begins with it. Raises `RefusalError`."""
        resuming, phone = asks_to_resume(websocket.headers), read_phone_call(websocket.headers)
        socket = self._sockets.get(session_id) if session_id else None
        if phone:
            if resuming:
                raise RefusalError(_NO_RESUMPTION)
            if socket and socket.phone is None:
                raise RefusalError(_TAKEN)
            self._phones.begin(phone, session_id=session_id)
            return self._begin(CallSocket(websocket, grace_seconds=0, phone=phone), session_id=session_id)
        if self._phones.had_one(session_id):
            raise RefusalError(_PHONE_ONLY)
        if socket and socket.alive:
            return socket
        if resuming:
            raise RefusalError(_ENDED)
        grace_seconds = self._grace_seconds if session_id else 0
        return self._begin(CallSocket(websocket, grace_seconds=grace_seconds, binary_only=True), session_id=session_id)

    def _begin(self, socket: CallSocket, *, session_id: str | None) -> CallSocket:
        if session_id:
            self._sockets[session_id] = socket
        call = asyncio.create_task(self._run(socket, session_id=session_id))
        self._running.add(call)
        call.add_done_callback(self._running.discard)
        return socket

    async def _run(self, socket: CallSocket, *, session_id: str | None) -> None:
        with self._status.call():
            await self._calls.run(self._converse(socket, session_id=session_id), connection=socket)
        if socket.phone:
            socket.phone.finish(end=socket.end, abandoned=socket.abandoned)
            record("PhoneCalls", 1, unit="Count", carrier=socket.phone.carrier, outcome=socket.phone.outcome)
        if session_id and self._sockets[session_id] is socket:
            del self._sockets[session_id]

    async def _converse(self, socket: CallSocket, *, session_id: str | None) -> None:
        """Let the bot talk; it is told of the caller by the URL's signed headers."""
        body = decode_body(socket.headers.get(BODY_HEADER))
        socket.caller = socket.phone.caller if socket.phone else read_caller(socket.headers)
        if socket.phone and not await _recognised(socket, phone=socket.phone):
            return
        bot = await self._loader.bot()
        from pipecat.runner.types import WebSocketRunnerArguments

        renew_randomness()
        continue_trace(socket.headers, settings=current_settings())
        arguments = WebSocketRunnerArguments(websocket=socket, body=body, session_id=session_id)
        await converse(bot(arguments), left=socket.left)


async def _recognised(socket: CallSocket, *, phone: PhoneCall) -> bool:
    """Whether the carrier's stream has begun; not if it ended before. Raises `RefusalError` for any other stream."""
    phone.stream = await recognise(socket, carrier=phone.carrier)
    return phone.stream is not None
