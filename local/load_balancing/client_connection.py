"""A client's connection to a load balancer: each of its requests is taken to a target, a WebSocket for good."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11

from local.load_balancing.target_group import Target

CHUNK_BYTES = 64 * 1024
CONNECT_SECONDS = 10.0
logger = logging.getLogger(__name__)


class ClientConnection:
    """Serves HTTP/1.1 until the client leaves, the connection is idle for too long, or a WebSocket on it has ended."""

    def __init__(
        self,
        *,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        choose: Callable[[], Target | None],
        idle_seconds: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._choose = choose
        self._idle_seconds = idle_seconds
        self._http = h11.Connection(h11.SERVER)
        self._idle = asyncio.timeout(idle_seconds)

    async def run(self) -> None:
        """Serve, and close the connection."""
        try:
            async with self._idle:
                while isinstance(request := await self._event(self._http, self._reader), h11.Request):
                    await self._serve(request)
                    if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                        break
                    self._http.start_next_cycle()
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            logger.debug("connection ended: %s", type(error).__name__)
        finally:
            self._writer.close()

    async def _serve(self, request: h11.Request) -> None:
        target = self._choose()
        if target is None:
            await self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(target.host, target.port)
        except (OSError, TimeoutError):
            await self._refuse(HTTPStatus.BAD_GATEWAY)
            return
        with target.serving(writer):
            try:
                await self._forward(request, reader, writer)
            finally:
                writer.close()

    async def _forward(self, request: h11.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = h11.Connection(h11.CLIENT)
        headers = [*request.headers.raw_items(), *self._added_headers()]
        writer.write(_data(target.send(h11.Request(method=request.method, target=request.target, headers=headers))))
        body = asyncio.create_task(self._send_body(target, writer))
        try:
            upgraded = await self._answer(target, reader)
        except (OSError, h11.RemoteProtocolError):
            await self._refuse(HTTPStatus.BAD_GATEWAY)
            return
        finally:
            body.cancel()
            await asyncio.gather(body, return_exceptions=True)
        if upgraded:
            writer.write(self._http.trailing_data[0])
            await self._send(target.trailing_data[0])
            await self._pipe(reader, writer)

    async def _send_body(self, target: h11.Connection, writer: asyncio.StreamWriter) -> None:
        while True:
            event = await self._event(self._http, self._reader)
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            writer.write(_data(target.send(event)))
            await writer.drain()
            if isinstance(event, h11.EndOfMessage):
                return

    async def _answer(self, target: h11.Connection, reader: asyncio.StreamReader) -> bool:
        """Hand the target's answer on; return whether it takes the connection over for another protocol."""
        while True:
            event = await self._event(target, reader)
            if event is not h11.PAUSED:
                await self._send(_data(self._http.send(event)))
            if isinstance(event, h11.EndOfMessage):
                return False
            if target.their_state is h11.SWITCHED_PROTOCOL:
                return True

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until either side ends."""
        pumps = [
            asyncio.create_task(self._pump(self._reader, writer)),
            asyncio.create_task(self._pump(reader, self._writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                self._touch()
                writer.write(data)
                await writer.drain()

    async def _event(self, http: h11.Connection, reader: asyncio.StreamReader) -> Any:
        """Return the next event, or h11.PAUSED where only another protocol can follow."""
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await reader.read(CHUNK_BYTES))
            self._touch()
        return event

    async def _refuse(self, status: HTTPStatus) -> None:
        """Answer in a target's place, if nothing has been answered yet."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("Server", "awselb/2.0"), ("Content-Length", "0"), ("Connection", "close")]
            answer = h11.Response(status_code=status, headers=headers, reason=status.phrase)
            await self._send(_data(self._http.send(answer)) + _data(self._http.send(h11.EndOfMessage())))

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def _touch(self) -> None:
        self._idle.reschedule(asyncio.get_running_loop().time() + self._idle_seconds)

    def _added_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield what a load balancer tells a target about the client.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
        """
        host, *_ = self._writer.get_extra_info("peername")
        yield b"X-Forwarded-For", host.encode()
        yield b"X-Forwarded-Proto", b"https"
        yield b"X-Forwarded-Port", b"443"
        yield b"X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}".encode()


def _data(data: bytes | None) -> bytes:
    return data or b""
