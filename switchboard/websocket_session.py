"""A call over a WebSocket to the pre-signed URL that the connect API hands out."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from time import monotonic

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from switchboard.audio import BotAudio
from switchboard.protobuf_frames import decode, encode_audio, encode_message
from switchboard.rtvi import WireError, client_ready
from switchboard.session import EndedBy, Ending, Session, connection_failure

_CLOSE_TIMEOUT_SECONDS = 2.0
_REFUSALS = {
    401: "the signature is wrong or expired",
    403: "the signed URL is expired or altered, or the signer's role may not call this runtime",
    404: "the runtime or its endpoint does not exist any more",
    424: "the agent's container did not start: its log group has the reason",
    429: "the quota of sessions or of new connections is reached",
}


class WebSocketSession(Session):
    """A call on one WebSocket; `open` first."""

    _connection: ClientConnection

    def __init__(self) -> None:
        super().__init__(ending=Ending(by=EndedBy.CALLER, code=1000))

    async def open(self, *, url: str, timeout_seconds: float) -> None:
        """Raises OperatorError (CONNECTING) when the handshake is refused or fails."""
        self._connection = await _connect(url, timeout_seconds)
        self.connected = monotonic()

    def _work(self) -> list[Coroutine[None, None, None]]:
        return [self._listen(), self._talk()]

    async def _close(self) -> None:
        await self._connection.close()

    async def _send_audio(self, pcm: bytes) -> None:
        await self._connection.send(encode_audio(pcm))

    async def _talk(self) -> None:
        try:
            await self._connection.send(encode_message(client_ready()))
            await self.microphone.run()
        except ConnectionClosed:
            self._closed()

    async def _listen(self) -> None:
        try:
            while True:
                self._take(await self._connection.recv())
        except ConnectionClosed:
            self._closed()
        except WireError as error:
            self._end(Ending(by=EndedBy.DROPPED, code=1003, reason=f"the agent sent {error}"))

    def _take(self, data: bytes | str) -> None:
        item = decode(data)
        if isinstance(item, BotAudio):
            self.loudspeaker.play(item, now=monotonic())
        else:
            self._note(item)

    def _closed(self) -> None:
        code = self._connection.close_code or 1006
        by = EndedBy.BOT if code in {1000, 1001} else EndedBy.DROPPED
        self._end(Ending(by=by, code=code, reason=self._connection.close_reason or ""))


@asynccontextmanager
async def open_websocket_session(*, url: str, timeout_seconds: float) -> AsyncIterator[WebSocketSession]:
    """Connect, and keep microphone and loudspeaker going while the block runs; hang up after it.

    Raises OperatorError (CONNECTING) when the handshake is refused or fails.
    """
    session = WebSocketSession()
    await session.open(url=url, timeout_seconds=timeout_seconds)
    async with session.in_progress():
        yield session


async def _connect(url: str, timeout_seconds: float) -> ClientConnection:
    try:
        return await connect(url, compression=None, open_timeout=timeout_seconds, close_timeout=_CLOSE_TIMEOUT_SECONDS)
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        cause = _REFUSALS.get(status, "the service failed")
        raise connection_failure(f"the WebSocket handshake was refused with HTTP {status}", cause) from None
    except (OSError, WebSocketException) as error:
        problem = f"the WebSocket could not be opened ({type(error).__name__})"
        raise connection_failure(problem, "the network blocks it, or nothing listens there") from None
