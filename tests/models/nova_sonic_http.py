"""HTTP/2 over TLS for streams in both directions, as Bedrock serves them (RFC 9113, with the package h2)."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

_READ_BYTES = 65_536

type Answer = Callable[["HttpStream"], Awaitable[None]]


@dataclass(kw_only=True)
class HttpServer:
    """Answers every request with a call of `answer`."""

    answer: Answer
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def run(cls, *, context: ssl.SSLContext, answer: Answer) -> AsyncIterator[Self]:
        """Serve on a free port of loopback until the end of the block."""
        server = cls(answer=answer)
        listener = await asyncio.start_server(server._connect, "127.0.0.1", 0, ssl=context)
        server.port = listener.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            listener.close()
            for task in server._tasks:
                task.cancel()
            await asyncio.gather(*server._tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert protocol == "h2", f"the client chose {protocol}; this API needs HTTP/2"
        await HttpConnection(reader=reader, writer=writer, answer=self.answer).serve()


@dataclass(kw_only=True)
class HttpConnection:
    """One connection and its streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answer: Answer
    h2: H2Connection = field(default_factory=lambda: H2Connection(H2Configuration(client_side=False)))
    window: asyncio.Condition = field(default_factory=asyncio.Condition)
    closed: bool = False
    _streams: dict[int, "HttpStream"] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self) -> None:
        self.h2.initiate_connection()
        self.flush()
        try:
            with suppress(OSError, ProtocolError):
                while data := await self.reader.read(_READ_BYTES):
                    for event in self.h2.receive_data(data):
                        await self._handle(event)
                    self.flush()
        finally:
            await self._end()

    def flush(self) -> None:
        """Send what h2 has ready. Raises `ConnectionError` when the connection is gone."""
        data = self.h2.data_to_send()
        if self.closed or self.writer.is_closing():
            raise ConnectionError("the connection is gone")
        self.writer.write(data)

    async def _handle(self, event: Event) -> None:
        match event:
            case RequestReceived():
                stream = HttpStream(connection=self, id=event.stream_id, headers=[*event.headers])
                self._streams[event.stream_id] = stream
                task = asyncio.create_task(self._answer(stream))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case DataReceived():
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self._streams[event.stream_id].data.put_nowait(event.data)
            case StreamEnded() | StreamReset():
                self._streams[event.stream_id].data.put_nowait(b"")
            case WindowUpdated():
                async with self.window:
                    self.window.notify_all()
            case ConnectionTerminated():
                await self._end()

    async def _answer(self, stream: "HttpStream") -> None:
        with suppress(ConnectionError):
            await self.answer(stream)

    async def _end(self) -> None:
        self.closed = True
        self.writer.close()
        for stream in self._streams.values():
            stream.data.put_nowait(b"")
        async with self.window:
            self.window.notify_all()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1)
            for task in late:
                task.cancel()


@dataclass(kw_only=True)
class HttpStream:
    """A request, and its answer."""

    connection: HttpConnection
    id: int
    headers: list[tuple[bytes, bytes]]
    data: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    method: str = ""
    path: str = ""
    query: str = ""
    ended: bool = False

    def __post_init__(self) -> None:
        fields = {bytes(name): bytes(value) for name, value in self.headers}
        self.method, (self.path, _, self.query) = fields[b":method"].decode(), fields[b":path"].decode().partition("?")
        plain = {name: value for name, value in fields.items() if not name.startswith(b":")}
        self.headers = [*{b"host": fields.get(b":authority", b""), **plain}.items()]

    async def accept(self) -> None:
        """Answer 200; what follows is an event stream."""
        self._send_headers(200, {"content-type": "application/vnd.amazon.eventstream"})

    async def refuse(self, *, status: int, code: str, message: str) -> None:
        """Answer with an error of AWS's JSON protocol."""
        self._send_headers(int(status), {"content-type": "application/json", "x-amzn-errortype": code})
        await self.send(json.dumps({"message": message}).encode())
        self.end()

    async def receive(self) -> bytes:
        """Some of the request's body; nothing at its end. Raises `ConnectionError` when the stream broke."""
        data = await self.data.get()
        if not data and self.connection.closed:
            raise ConnectionError("the connection is gone")
        return data

    async def send(self, data: bytes) -> None:
        """Some of the answer's body, as fast as the client takes it."""
        while data:
            size = min(self._window(), len(data))
            if size:
                self.connection.h2.send_data(self.id, data[:size])
                self.connection.flush()
                data = data[size:]
            else:
                async with self.connection.window:
                    await self.connection.window.wait_for(self._window)

    def end(self) -> None:
        """End the answer."""
        if not self.ended:
            self.ended = True
            with suppress(ConnectionError, ProtocolError):
                self.connection.h2.end_stream(self.id)
                self.connection.flush()

    def abort(self) -> None:
        """Break the connection under this stream."""
        self.connection.closed = True
        self.connection.writer.transport.abort()
        raise_to_all = [*self.connection._streams.values()]
        for stream in raise_to_all:
            stream.data.put_nowait(b"")

    def _window(self) -> int:
        if self.connection.closed or self.ended:
            raise ConnectionError("the stream is gone")
        try:
            window = self.connection.h2.local_flow_control_window(self.id)
        except ProtocolError as error:
            raise ConnectionError("the stream is gone") from error
        return min(window, self.connection.h2.max_outbound_frame_size)

    def _send_headers(self, status: int, headers: dict[str, str]) -> None:
        fields = {":status": str(status), "x-amzn-requestid": "tests", **headers}
        self.connection.h2.send_headers(self.id, [*fields.items()])
        self.connection.flush()
