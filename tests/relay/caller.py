"""The carrier's end of a stream: raw bytes behind its handshake, and the answer to it."""

import asyncio
from dataclasses import dataclass
from typing import Self

from websockets.client import ClientProtocol
from websockets.http11 import Response
from websockets.uri import parse_uri


class RefusedStreamError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(kw_only=True)
class CarrierEnd:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def connect(cls, *, port: int, path: str, early: bytes = b"") -> Self:
        """Open a stream, sending `early` before the answer has come; raises `RefusedStreamError`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        try:
            async with asyncio.timeout(30):
                protocol = ClientProtocol(parse_uri("ws://relay.example/"))
                request = protocol.connect()
                request.path = path
                protocol.send_request(request)
                writer.write(b"".join(protocol.data_to_send()) + early)
                head = await reader.readuntil(b"\r\n\r\n")
        except BaseException:
            writer.close()
            raise
        if (status := int(head.split()[1])) != 101:
            writer.close()
            raise RefusedStreamError(status)
        protocol.receive_data(head)
        assert isinstance(next(iter(protocol.events_received())), Response)
        assert protocol.handshake_exc is None, "the answer is no WebSocket's"
        assert b"sec-websocket-extensions" not in head.lower()
        return cls(reader=reader, writer=writer)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        self.writer.transport.abort()


async def status_of(*, port: int, path: str) -> int:
    """The status with which a request for a stream is answered."""
    try:
        end = await CarrierEnd.connect(port=port, path=path)
    except RefusedStreamError as error:
        return error.status
    end.close()
    return 101
