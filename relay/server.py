"""Takes the carriers' connections, opens a stream for each that may have one, and ends when its streams have ended."""

import asyncio
import http
import logging
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from relay.agentcore import AgentCore, Opened, RefusedError
from relay.aws import Aws, AwsUnavailableError
from relay.claim import claim
from relay.keys import MAX_AGE_SECONDS, REFRESH_SECONDS, RelayKeys
from relay.log import session_label, write_metrics
from relay.pump import Pump, Stream
from relay.settings import Settings
from relay.sockets import HeadError, listen, prepare, read_head, send_all
from relay.token import Pass, TokenError, open_token

DRAIN_SECONDS = 115
"""ECS kills 120 s after SIGTERM, at most: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""

_HEAD_SECONDS = 5
_OPEN_SECONDS = 30
_SWEEP_SECONDS = 5
_METRICS_SECONDS = 15
_PATH = "/streams/"
_TURN_SECONDS = 0.002
"""In which 60 frames come at 300 streams: to be woken for each would take as long as to move it."""

_logger = logging.getLogger("switchboard.relay")


class _NoStreamError(Exception):
    """What a carrier gets instead of a stream; the reason is for the log."""

    def __init__(self, status: http.HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Relay:
    """One process of the service."""

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._aws = Aws(settings=settings)
        self._keys = RelayKeys(aws=self._aws, secret_arn=settings.key_secret_arn)
        self._agentcore = AgentCore(settings=settings, aws=self._aws)
        self._loop = asyncio.get_running_loop()
        self._pump = Pump()
        self._turning = False
        self._answering: set[asyncio.Task[None]] = set()
        self._opening = 0
        self._counts = {"StreamsStarted": 0, "StreamsRefused": 0}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then until the last stream has ended, but at most DRAIN_SECONDS."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stopping.set)
        listener = listen(host=self._settings.host, port=self._settings.port)
        self._loop.add_reader(listener, self._accept, listener)
        chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._report())]
        _logger.info("listening", extra={"fields": {"port": listener.getsockname()[1]}})
        await stopping.wait()
        self._loop.remove_reader(listener)
        self._accept(listener)  # whom the kernel has taken already
        listener.close()
        _logger.info("draining", extra={"fields": {"streams": len(self._pump)}})
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._drained()
        for chore in chores:
            chore.cancel()
        self._write_metrics()
        _logger.info("ending", extra={"fields": {"streams": len(self._pump)}})

    def _turn(self) -> None:
        """Move what has come, and go on after a while as long as there are streams."""
        next_at = self._loop.time() + _TURN_SECONDS
        self._pump.turn()
        self._turning = len(self._pump) > 0
        if self._turning:
            self._loop.call_at(next_at, self._turn)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                carrier, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # a connection that was gone before it was taken, or no descriptor left
                _logger.warning("not accepted", extra={"fields": {"reason": type(error).__name__}})
                return
            task = asyncio.create_task(self._answer(carrier))
            self._answering.add(task)
            task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        self._changed.set()

    async def _drained(self) -> None:
        while self._answering or len(self._pump):
            self._changed.clear()
            await self._changed.wait()

    async def _answer(self, carrier: socket.socket) -> None:
        """Serve one connection; it is closed here, unless it has become a stream."""
        moved = False
        try:
            prepare(carrier)
            async with asyncio.timeout(_HEAD_SECONDS):
                head, rest = await read_head(carrier)
            moved = await self._serve(carrier, head=head, rest=rest)
        except (HeadError, OSError, TimeoutError):
            return  # nobody is there to be told, or nobody who speaks HTTP
        except Exception:
            _logger.exception("a connection failed")
        finally:
            if not moved:
                carrier.close()

    async def _serve(self, carrier: socket.socket, *, head: bytes, rest: bytes) -> bool:
        """Answer the request; true when the connection has become a stream."""
        protocol = ServerProtocol()
        protocol.receive_data(head)
        request = next(iter(protocol.events_received()), None)
        if not isinstance(request, Request):
            await send_all(carrier, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        if request.path == "/health":
            await _send(carrier, protocol, protocol.reject(http.HTTPStatus.OK, "healthy\n"))
            return False
        response = protocol.accept(request)
        if response.status_code != http.HTTPStatus.SWITCHING_PROTOCOLS:
            await _send(carrier, protocol, response)
            return False
        try:
            with self._place():
                passed, opened = await self._open(path=request.path)
                protocol.send_response(response)
                accepted = b"".join(protocol.data_to_send())
                self._start(carrier, opened, passed=passed, to_carrier=accepted + opened.rest, to_agentcore=rest)
        except _NoStreamError as refusal:
            self._counts["StreamsRefused"] += 1
            fields = {"status": refusal.status.value, "reason": refusal.reason}
            _logger.warning("stream refused", extra={"fields": fields})
            await _send(carrier, protocol, protocol.reject(refusal.status, f"{refusal.status.phrase}\n"))
            return False
        return True

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for streams, while a stream is being opened."""
        if self._opening + len(self._pump) >= self._settings.max_streams:
            raise _NoStreamError(http.HTTPStatus.SERVICE_UNAVAILABLE, "full")
        self._opening += 1
        try:
            yield
        finally:
            self._opening -= 1

    async def _open(self, *, path: str) -> tuple[Pass, Opened]:
        """Let a token in, once, and connect its session; raises `_NoStreamError`."""
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                passed = await self._check(path=path)
                unused = await asyncio.to_thread(
                    claim, aws=self._aws, table_name=self._settings.table_name, passed=passed
                )
                if not unused:
                    raise _NoStreamError(http.HTTPStatus.FORBIDDEN, "used")
                credentials = await asyncio.to_thread(self._aws.credentials)
                return passed, await self._agentcore.open(passed=passed, credentials=credentials)
        except TokenError as error:
            raise _NoStreamError(http.HTTPStatus.FORBIDDEN, error.reason) from None
        except AwsUnavailableError as error:
            raise _NoStreamError(http.HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
        except RefusedError as error:
            status = http.HTTPStatus.SERVICE_UNAVAILABLE if error.busy else http.HTTPStatus.BAD_GATEWAY
            raise _NoStreamError(status, f"AgentCore: {error}") from None
        except TimeoutError:
            raise _NoStreamError(http.HTTPStatus.BAD_GATEWAY, "AgentCore: too late") from None

    async def _check(self, *, path: str) -> Pass:
        """What the token in the path allows; a key that it doesn't fit may just have been replaced."""
        if not path.startswith(_PATH):
            raise TokenError("malformed")
        text = path.removeprefix(_PATH)
        try:
            return open_token(text=text, keys=await self._keys.at_most(seconds=MAX_AGE_SECONDS), now=time.time())
        except TokenError as error:
            if error.reason != "wrong signature":
                raise
        return open_token(text=text, keys=await self._keys.at_most(seconds=REFRESH_SECONDS), now=time.time())

    def _start(
        self, carrier: socket.socket, opened: Opened, *, passed: Pass, to_carrier: bytes, to_agentcore: bytes
    ) -> None:
        stream = Stream(label=session_label(passed.session_id), on_end=self._ended, now=time.monotonic())
        self._counts["StreamsStarted"] += 1
        _logger.info("stream started", extra={"fields": {"session": stream.label}})
        self._pump.add(stream, carrier=carrier, agentcore=opened.sock, to_carrier=to_carrier, to_agentcore=to_agentcore)
        if not self._turning:
            self._turn()

    def _ended(self, stream: Stream) -> None:
        from_carrier, from_agentcore = stream.bytes_received
        fields = {
            "session": stream.label,
            "reason": stream.reason,
            "from_carrier": from_carrier,
            "from_agentcore": from_agentcore,
        }
        _logger.info("stream ended", extra={"fields": fields})
        self._changed.set()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._pump.sweep(now=time.monotonic())

    async def _report(self) -> None:
        while True:
            self._write_metrics()
            await asyncio.sleep(_METRICS_SECONDS)

    def _write_metrics(self) -> None:
        write_metrics({"OpenStreams": len(self._pump), **self._counts}, service=self._settings.metrics_service)
        self._counts = dict.fromkeys(self._counts, 0)


async def _send(carrier: socket.socket, protocol: ServerProtocol, response: Response) -> None:
    protocol.send_response(response)
    await send_all(carrier, b"".join(protocol.data_to_send()))
