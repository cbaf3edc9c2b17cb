"""Daily's stand-in as one ASGI application: REST, the hub, phones, and its administration, all below `/daily/`."""

import json
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

from local.aws_http.asgi import Receive, Scope, Send, encode_headers
from local.daily.account import Accounts
from local.daily.admin import Admin
from local.daily.connection import Connection
from local.daily.hub import Hub
from local.daily.phones import Phones
from local.daily.rest import Rest
from local.daily.rest_request import Answer, Request

PREFIX: Final = "/daily/"
MAX_BODY_BYTES: Final = 1024 * 1024


class DailyService:
    """All of it, for any number of accounts; it belongs to one event loop."""

    def __init__(self) -> None:
        accounts = Accounts()
        self._phones = Phones(accounts=accounts)
        self._hub = Hub(accounts=accounts, phones=self._phones)
        self._rest = Rest(accounts=accounts, phones=self._phones)
        self._admin = Admin(accounts=accounts, phones=self._phones)

    def handles(self, path: str) -> bool:
        """Whether a path is the stand-in's."""
        return path.startswith(PREFIX)

    async def aclose(self) -> None:
        """End what rings or waits."""
        await self._phones.aclose()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an `http` or `websocket` scope."""
        path = scope["path"].removeprefix(PREFIX)
        if scope["type"] == "websocket":
            await self._serve_websocket(path, receive, send)
            return
        body = await _read(receive)
        first, _, rest = path.partition("/")
        if first == "admin":
            answer = Answer(*self._admin.answer(method=scope["method"], path=rest, body=body))
        elif first == "v1":
            request = Request(
                method=scope["method"],
                path="/" + unquote(rest),
                query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
                headers={name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]},
                body=body,
            )
            answer = await self._rest.answer(request)
        else:
            answer = Answer(HTTPStatus.NOT_FOUND, {"error": "not-found"})
        await _respond(send, answer)

    async def _serve_websocket(self, path: str, receive: Receive, send: Send) -> None:
        connection = Connection(receive=receive, send=send)
        if path == "hub":
            await self._hub.serve(connection)
        elif path == "phone":
            await self._phones.serve(connection)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _respond(send: Send, answer: Answer) -> None:
    content = json.dumps(answer.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content)), **answer.headers}
    await send({"type": "http.response.start", "status": int(answer.status), "headers": encode_headers(headers)})
    await send({"type": "http.response.body", "body": content})
