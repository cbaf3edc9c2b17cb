"""The one ASGI request at hand: read whole, answered in JSON, over HTTP or in place of a WebSocket handshake."""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest, join_headers

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]


class ClientGoneError(Exception):
    """The caller went away; there is nobody left to answer."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """An ASGI connection of type `http` or `websocket`; the server must know `websocket.http.response`."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def websocket(self) -> bool:
        """Whether this is a WebSocket handshake."""
        return bool(self.scope["type"] == "websocket")

    async def read(self, *, max_body_bytes: int) -> HttpRequest:
        """Read the request; raise `ValidationException` for one too large, `ClientGoneError` for one cut short."""
        body = b""
        if self.websocket:
            await self.receive()
        else:
            body = await self._read_body(max_bytes=max_body_bytes)
        return HttpRequest.from_wire(
            method=self.scope.get("method", "GET"),
            raw_path=self.scope["raw_path"],
            query_string=self.scope["query_string"],
            headers=self.scope["headers"],
            body=body,
        )

    async def respond(
        self, body: Mapping[str, str], *, status: int = HTTPStatus.OK, headers: Mapping[str, str]
    ) -> None:
        """Answer with a JSON object; a handshake is refused by it."""
        await self.respond_with(json.dumps(body).encode(), status=status, headers=headers)

    async def respond_with(self, content: bytes, *, status: int, headers: Mapping[str, str]) -> None:
        """Answer with JSON that is written already."""
        raw = encode_headers({"Content-Type": "application/json", "Content-Length": str(len(content)), **headers})
        kind = "websocket.http.response" if self.websocket else "http.response"
        await self.send({"type": f"{kind}.start", "status": int(status), "headers": raw})
        await self.send({"type": f"{kind}.body", "body": content})

    async def _read_body(self, *, max_bytes: int) -> bytes:
        announced = int(join_headers(self.scope["headers"]).get("content-length", "0"))
        body, more = bytearray(), True
        while True:
            if max(len(body), announced) > max_bytes:
                raise ServiceError(CommonCode.VALIDATION, f"the payload is larger than {max_bytes} bytes")
            if not more:
                return bytes(body)
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            body += message.get("body", b"")
            more = message.get("more_body", False)


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI wants them: bytes, names in lower case."""
    return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
