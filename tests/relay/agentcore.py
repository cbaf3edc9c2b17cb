"""A stand-in for AgentCore's WebSocket endpoint, over TLS: it checks the signed handshake, the rest is for tests.

It wants each header that decides about a session signed, which AWS does not, and refuses as AgentCore does. It proves
nothing about sessions, time limits or frames: tests/local_agentcore has those.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from urllib.parse import quote

from websockets.http11 import Request
from websockets.server import ServerProtocol

from local.aws_http.errors import ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.signature import verify
from tests.models.certificates import Certificates
from tests.models.credentials import ContainerCredentialsEndpoint
from tests.models.stand_in import REGION

RUNTIME_ARN = f"arn:aws:bedrock-agentcore:{REGION}:123456789012:runtime/voice-0123456789"
ENDPOINT = "live"
PREFIX = "x-amzn-bedrock-agentcore-runtime-"


@dataclass(kw_only=True)
class AgentEnd:
    """The agent's end of a stream: raw bytes behind the handshake."""

    session_id: str
    custom: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        self.writer.transport.abort()


@dataclass(kw_only=True)
class AgentCoreStandIn:
    """`refusals` are the next answers' statuses, "hang" for no answer; `greeting` follows the handshake at once."""

    credentials: ContainerCredentialsEndpoint
    refusals: list[int | str] = field(default_factory=list)
    greeting: bytes = b""
    extra_header: str = ""
    handshakes: int = 0
    port: int = 0
    problems: list[str] = field(default_factory=list)
    _ends: dict[str, asyncio.Future[AgentEnd]] = field(default_factory=dict)

    @asynccontextmanager
    async def serve(self, *, certificates: Certificates) -> AsyncIterator[Self]:
        tls = certificates.server_context(alpn=["http/1.1"])
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls, backlog=1_024, limit=2**22)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for end in self._ends.values():
                if end.done():
                    end.result().abort()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def end_of(self, session_id: str) -> AgentEnd:
        """The agent's end of a session's stream; waits for it."""
        async with asyncio.timeout(20):
            return await self._end(session_id)

    def _end(self, session_id: str) -> asyncio.Future[AgentEnd]:
        return self._ends.setdefault(session_id, asyncio.get_running_loop().create_future())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            if not await self._shake_hands(reader, writer):
                writer.close()

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.handshakes += 1
        protocol = ServerProtocol()
        protocol.receive_data(head)
        request = next(iter(protocol.events_received()))
        assert isinstance(request, Request)
        status = self._judge(request)
        if status == "hang":
            await reader.read()
            return False
        response = protocol.accept(request) if status == 101 else protocol.reject(int(status), "refused")
        if self.extra_header:
            response.headers["Sec-WebSocket-Extensions"] = self.extra_header
        protocol.send_response(response)
        writer.write(b"".join(protocol.data_to_send()) + (self.greeting if response.status_code == 101 else b""))
        if response.status_code != 101:
            return False
        names = {name.lower(): value for name, value in request.headers.raw_items()}
        custom = {name.removeprefix(PREFIX): value for name, value in names.items() if "-custom-" in name}
        session_id = names[f"{PREFIX}session-id"]
        end = AgentEnd(session_id=session_id, custom=custom, reader=reader, writer=writer)
        self._end(session_id).set_result(end)
        return True

    def _judge(self, request: Request) -> int | str:
        if self.refusals:
            return self.refusals.pop(0)
        raw_path, _, query = request.path.partition("?")
        try:
            wire = HttpRequest.from_wire(
                method=request.method,
                raw_path=raw_path.encode(),
                query_string=query.encode(),
                headers=[(name.encode(), value.encode()) for name, value in request.headers.raw_items()],
                body=b"",
            )
            now = datetime.now(UTC)
            verify(wire, service="bedrock-agentcore", region=REGION, find_credential=self.credentials.find, now=now)
            self._check(wire)
        except (AssertionError, ServiceError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
            return 403
        return 101

    def _check(self, wire: HttpRequest) -> None:
        assert wire.raw_path == f"/runtimes/{quote(RUNTIME_ARN, safe='')}/ws", "the path"
        assert wire.query == {"qualifier": ENDPOINT}, "the query"
        assert wire.headers["host"] == f"127.0.0.1:{self.port}", "the host"
        assert "sec-websocket-extensions" not in wire.headers, "an extension"
        assert "sec-websocket-protocol" not in wire.headers, "a subprotocol"
        # Whoever could change them would be in another caller's session.
        signed = wire.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert {name for name in wire.headers if name.startswith(PREFIX)} <= {*signed}, "unsigned headers"
