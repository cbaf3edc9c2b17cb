"""One call on the wire: the WebSocket, a microphone that stays open, and a timed note of all that comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from switchboard.audio import Loudspeaker
from switchboard.errors import ExitCode, OperatorError, redact
from switchboard.microphone import Microphone
from switchboard.wire import FRAME_SECONDS, BotAudio, RtviMessage, WireError, decode, encode_client_ready

_CLOSE_TIMEOUT_SECONDS = 2.0
_REFUSALS = {
    401: "the signature is wrong or expired",
    403: "the signed URL is expired or altered, or the signer's role may not call this runtime",
    404: "the runtime or its endpoint does not exist any more",
    424: "the agent's container did not start: its log group has the reason",
    429: "the quota of sessions or of new connections is reached",
}


class EndedBy(StrEnum):
    """Who ended a call."""

    BOT = "bot"
    CALLER = "caller"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the WebSocket ended: 1000 and 1001 are a hang-up, any other close code (RFC 6455 §7.4) is a drop."""

    by: EndedBy
    code: int
    reason: str = ""

    def __str__(self) -> str:
        words = {EndedBy.BOT: "the bot hung up", EndedBy.CALLER: "we hung up", EndedBy.DROPPED: "dropped"}
        code = f" with code {self.code}" if self.by is EndedBy.DROPPED else ""
        return words[self.by] + code + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An RTVI message and when it came (monotonic seconds)."""

    at: float
    message: RtviMessage


class Session:
    """A call in progress, and its record afterwards. Times are monotonic seconds."""

    def __init__(self, connection: ClientConnection, *, connect_started: float) -> None:
        self._connection = connection
        self.connect_started = connect_started
        self.connected = monotonic()
        self.microphone = Microphone(connection.send)
        self.loudspeaker = Loudspeaker()
        self.received: list[Received] = []
        self.over = False
        # Unless something else ends the call first.
        self.ending = Ending(by=EndedBy.CALLER, code=1000)

    async def talk(self) -> None:
        """Tell the bot to begin, and keep the microphone open until the connection ends."""
        try:
            await self._connection.send(encode_client_ready(message_id="1"))
            await self.microphone.run()
        except ConnectionClosed:
            self._closed()

    def messages(self, *types: str, start: float = 0.0, end: float = float("inf")) -> Iterator[Received]:
        """The RTVI messages of these types received in this time."""
        return (item for item in self.received if item.message.type in types and start <= item.at < end)

    async def until(self, condition: Callable[[], object], *, timeout_seconds: float) -> bool:
        """Wait for the condition; False when time ran out, or the call ended, before it held.

        Nothing is timed by this wait (what comes in is stamped on arrival), so a look every frame is enough.
        """
        deadline = monotonic() + timeout_seconds
        while not condition():
            if self.over or monotonic() >= deadline:
                return bool(condition())
            await asyncio.sleep(FRAME_SECONDS)
        return True

    async def listen(self) -> None:
        """Note what the bot sends until the connection ends."""
        try:
            while True:
                self._note(decode(await self._connection.recv()))
        except ConnectionClosed:
            self._closed()
        except WireError as error:
            self._end(Ending(by=EndedBy.DROPPED, code=1003, reason=f"the agent sent {error}"))

    async def hang_up(self) -> None:
        """End the call from our side, unless it has ended."""
        self.over = True
        await self._connection.close()

    def _note(self, item: BotAudio | RtviMessage | None) -> None:
        match item:
            case BotAudio():
                self.loudspeaker.play(item, now=monotonic())
            case RtviMessage():
                self.received.append(Received(at=monotonic(), message=item))

    def _closed(self) -> None:
        code = self._connection.close_code or 1006
        by = EndedBy.BOT if code in {1000, 1001} else EndedBy.DROPPED
        self._end(Ending(by=by, code=code, reason=redact(self._connection.close_reason or "")))

    def _end(self, ending: Ending) -> None:
        if not self.over:
            self.over, self.ending = True, ending


@asynccontextmanager
async def open_session(*, url: str, timeout_seconds: float) -> AsyncIterator[Session]:
    """Connect, and keep microphone and loudspeaker going while the block runs; hang up after it.

    Raises OperatorError (CONNECTING) when the handshake is refused or fails.
    """
    connect_started = monotonic()
    connection = await _connect(url, timeout_seconds)
    session = Session(connection, connect_started=connect_started)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(session.listen())
        talking = tasks.create_task(session.talk())
        try:
            yield session
        finally:
            talking.cancel()
            await session.hang_up()
            listening.cancel()


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


def connection_failure(problem: str, cause: str) -> OperatorError:
    """A failure of the kind CONNECTING."""
    return OperatorError(
        exit_code=ExitCode.CONNECTING,
        problem=problem,
        causes=[cause],
        next_steps=["try again: each call gets a fresh URL", "read the runtime's log group for this time"],
    )
