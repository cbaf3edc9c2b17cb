"""The way to a session: a WebSocket to AgentCore whose handshake is signed in its headers.

https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-get-started-websocket.html
"""

import asyncio
import re
import socket
import ssl
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from relay.aws import Aws
from relay.settings import Settings
from relay.sockets import HeadError, connect, read_head, send_all
from relay.token import Pass

_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime"
# A conflict with the session's own start, throttling, and a moment's weakness: each may be gone the next second.
_WORTH_ANOTHER_TRY = {"409", "429", "503"}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[ \r]")
_PAUSES_SECONDS = (0.25, 1.0)


class RefusedError(Exception):
    """AgentCore didn't take the WebSocket; the message is fit for a log, `busy` where another moment may do better."""

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy


class Opened(NamedTuple):
    """A WebSocket past its handshake, and what AgentCore has sent behind that."""

    sock: socket.socket
    rest: bytes


class AgentCore:
    """Opens WebSockets to one runtime's endpoint."""

    def __init__(self, *, settings: Settings, aws: Aws) -> None:
        base = settings.endpoints["bedrock-agentcore"]
        path = f"/runtimes/{quote(settings.runtime_arn, safe='')}/ws"
        self._url = f"{base}{path}?{urlencode({'qualifier': settings.endpoint_name})}"
        self._aws = aws
        self._host = urlsplit(base).hostname or ""
        self._port = urlsplit(base).port or (443 if base.startswith("https") else 80)
        self._tls = _tls_context(ca_file=settings.ca_file) if base.startswith("https") else None

    async def open(self, *, passed: Pass, credentials: ReadOnlyCredentials) -> Opened:
        """Connect to the session of a token; raises `RefusedError`."""
        for pause in (*_PAUSES_SECONDS, None):
            try:
                return await self._try(passed=passed, credentials=credentials)
            except RefusedError as error:
                if not error.busy or pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError  # the last turn has returned or raised

    async def _try(self, *, passed: Pass, credentials: ReadOnlyCredentials) -> Opened:
        # No extension and no subprotocol: what either side sends must be right for the other without being read.
        protocol = ClientProtocol(parse_uri("ws" + self._url.removeprefix("http")))
        request = protocol.connect()
        request.headers.update(self._signed_headers(passed=passed, credentials=credentials))
        protocol.send_request(request)
        try:
            sock = await connect(host=self._host, port=self._port, tls=self._tls)
        except OSError as error:
            raise RefusedError(f"no connection: {type(error).__name__}") from None
        try:
            await send_all(sock, b"".join(protocol.data_to_send()))
            head, rest = await read_head(sock)
            _check(head, protocol=protocol)
        except (HeadError, OSError) as error:
            sock.close()
            raise RefusedError(f"no answer: {type(error).__name__}") from None
        except BaseException:
            sock.close()
            raise
        return Opened(sock, rest)

    def _signed_headers(self, *, passed: Pass, credentials: ReadOnlyCredentials) -> dict[str, str]:
        headers = {f"{_HEADER}-Session-Id": passed.session_id, f"{_HEADER}-Custom-Phone": passed.phone}
        if passed.body:
            headers[f"{_HEADER}-Custom-Body"] = passed.body
        request = AWSRequest(method="GET", url=self._url, headers=headers)
        self._aws.sign(request, service="bedrock-agentcore", credentials=credentials)
        return dict(request.headers.items())


def _check(head: bytes, *, protocol: ClientProtocol) -> None:
    match = _STATUS.match(head)
    status = match[1].decode() if match else "of another kind"
    if status != "101":
        raise RefusedError(f"HTTP {status}", busy=status in _WORTH_ANOTHER_TRY)
    protocol.receive_data(head)
    if protocol.handshake_exc:
        raise RefusedError(type(protocol.handshake_exc).__name__)


def _tls_context(*, ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context
