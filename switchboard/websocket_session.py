"""A call over a WebSocket to the pre-signed URL that the connect API hands out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from time import monotonic

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from switchboard.audio import BotAudio
from switchboard.errors import OperatorError
from switchboard.protobuf_frames import decode, encode_audio, encode_message
from switchboard.rtvi import WireError, client_ready
from switchboard.session import EndedBy, Ending, Session, connection_failure

_CLOSE_TIMEOUT_SECONDS = 2.0
_CONFLICT = 409
"""RetryableConflictException: AWS's SDKs try such a request again, a WebSocket client must do so itself."""
_CONFLICT_WAITS_SECONDS = (0.25, 0.5, 1.0, 2.0)
_REFUSALS = {
    401: "the signature is wrong or expired",
    403: "the signed URL is expired or altered, or the signer's role may not call this runtime",
    404: "the runtime or its endpoint does not exist any more",
    409: "another request begins or ends the session, and goes on doing so",
    424: "the agent's container did not start: its log group has the reason",
    429: "the quota of sessions or of new connections is reached",
}

type NextUrl = Callable[[], Awaitable[str]]
"""Asks the connect API for another pre-signed URL of the session. Raises OperatorError."""


class WebSocketSession(Session):
    """A call on a WebSocket, and on a second one when the first is lost; `open` first."""

    _connection: ClientConnection

    def __init__(self, *, next_url: NextUrl, timeout_seconds: float) -> None:
        super().__init__(ending=Ending(by=EndedBy.CALLER, code=1000))
        self._next_url = next_url
        self._timeout_seconds = timeout_seconds
        self._interruptions: list[float] = []

    @property
    def interruptions(self) -> list[float]:
        """Seconds without a connection, for each time that it was lost and replaced: once at most."""
        return self._interruptions

    @property
    def connections(self) -> int:
        """How many there were."""
        return 1 + len(self._interruptions)

    async def open(self, url: str) -> None:
        """Connect, and tell the bot to begin. Raises OperatorError (CONNECTING) when the handshake is refused."""
        self._connection = await _connect(url, self._timeout_seconds)
        self.connected = monotonic()
        await self._connection.send(encode_message(client_ready()))

    def _work(self) -> list[Coroutine[None, None, None]]:
        return [self._listen(), self._talk()]

    async def _close(self) -> None:
        await self._connection.close()

    async def _talk(self) -> None:
        with suppress(ConnectionClosed):
            await self.microphone.run()

    async def _send_audio(self, pcm: bytes) -> None:
        try:
            await self._connection.send(encode_audio(pcm))
        except ConnectionClosed:  # what is said until the call goes on is lost
            if self.over or not self._lost_for_the_first_time():
                raise

    async def _listen(self) -> None:
        try:
            while not self.over:
                await self._receive()
        except WireError as error:
            self._end(Ending(by=EndedBy.DROPPED, code=1003, reason=f"the agent sent {error}"))

    async def _receive(self) -> None:
        try:
            self._take(await self._connection.recv())
        except ConnectionClosed:
            if self._lost_for_the_first_time():
                await self._resume()
            else:
                self._end(self._ending_of_connection())

    def _take(self, data: bytes | str) -> None:
        item = decode(data)
        if isinstance(item, BotAudio):
            self.loudspeaker.play(item, now=monotonic())
        else:
            self._note(item)

    def _lost_for_the_first_time(self) -> bool:
        return not self._interruptions and self._ending_of_connection().by is EndedBy.DROPPED

    async def _resume(self) -> None:
        """Go on in the same session; the call ends when its API or its agent refuses, or can't be reached."""
        lost, ending = monotonic(), self._ending_of_connection()
        try:
            self._connection = await _connect(await self._next_url(), self._timeout_seconds)
            await self._connection.send(encode_message(client_ready()))
        except OperatorError as error:
            reason = ", ".join(filter(None, (ending.reason, f"and not resumed: {error.problem}")))
            self._end(replace(ending, reason=reason))
        except ConnectionClosed:
            self._end(self._ending_of_connection())
        else:
            self._interruptions.append(monotonic() - lost)

    def _ending_of_connection(self) -> Ending:
        code = self._connection.close_code or 1006
        by = EndedBy.BOT if code in {1000, 1001} else EndedBy.DROPPED
        return Ending(by=by, code=code, reason=self._connection.close_reason or "")


@asynccontextmanager
async def open_websocket_session(
    *, url: str, next_url: NextUrl, timeout_seconds: float
) -> AsyncIterator[WebSocketSession]:
    """Connect, and keep microphone and loudspeaker going while the block runs; hang up after it.

    A WebSocket that is lost is replaced once, by one to the answer of `next_url`. Raises OperatorError (CONNECTING)
    when the first handshake is refused or fails.
    """
    session = WebSocketSession(next_url=next_url, timeout_seconds=timeout_seconds)
    await session.open(url)
    async with session.in_progress():
        yield session


async def _connect(url: str, timeout_seconds: float) -> ClientConnection:
    """Tries again while AgentCore says that another request is just beginning or ending the session."""
    waits = iter(_CONFLICT_WAITS_SECONDS)
    while True:
        try:
            return await connect(
                url, compression=None, open_timeout=timeout_seconds, close_timeout=_CLOSE_TIMEOUT_SECONDS
            )
        except InvalidStatus as refusal:
            status = refusal.response.status_code
            wait = next(waits, None) if status == _CONFLICT else None
            if wait is None:
                cause = _REFUSALS.get(status, "the service failed")
                raise connection_failure(f"the WebSocket handshake was refused with HTTP {status}", cause) from None
        except (OSError, WebSocketException) as error:
            problem = f"the WebSocket could not be opened ({type(error).__name__})"
            raise connection_failure(problem, "the network blocks it, or nothing listens there") from None
        await asyncio.sleep(wait)
