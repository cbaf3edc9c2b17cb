"""A loopback server that plays Secrets Manager and AgentCore: it checks each signature and answers as it is told."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.connect.sigv4 import header_signature_is_valid


@dataclass(frozen=True, kw_only=True)
class Received:
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The JSON that an agent would get."""
        return dict(json.loads(self.body))


@dataclass(kw_only=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hang: Literal["", "before", "within"] = ""


class AwsStub:
    """What the two services answer, and what they were asked; `invocations` are answered in turn, the last for ever.

    `secret` is the session key; `other_secrets` are by ARN.
    """

    def __init__(self, *, secret_key: str, session_key: str) -> None:
        self.secret_key = secret_key
        self.secret = Reply(body=json.dumps({"SecretString": session_key}).encode())
        self.other_secrets: dict[str, Reply] = {}
        self.stop = Reply()
        self.invocations = [Reply()]
        self.secret_requests: list[Received] = []
        self.stop_requests: list[Received] = []
        self.invoke_requests: list[Received] = []
        self.released = threading.Event()
        self.url = ""

    def reply_to(self, *, received: Received) -> Reply:
        reply = self._reply_of_service(received=received)
        if not header_signature_is_valid(
            method="POST",
            target=received.target,
            headers=received.headers,
            body=received.body,
            secret_key=self.secret_key,
        ):
            return Reply(status=403, headers={"x-amzn-errortype": "InvalidSignatureException:http://internal.aws/"})
        return reply

    def _reply_of_service(self, *, received: Received) -> Reply:
        operation = received.target.partition("?")[0].rpartition("/")[2]
        if received.headers.get("x-amz-target") == "secretsmanager.GetSecretValue":
            self.secret_requests.append(received)
            return self.other_secrets.get(json.loads(received.body)["SecretId"], self.secret)
        if operation == "stopruntimesession":
            self.stop_requests.append(received)
            return self.stop
        if operation == "invocations":
            self.invoke_requests.append(received)
            return self.invocations.pop(0) if len(self.invocations) > 1 else self.invocations[0]
        return Reply(status=404, headers={"x-amzn-errortype": "UnknownOperationException"})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has lost patience is no error, also when it left in an earlier test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running(stub: AwsStub) -> Iterator[AwsStub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = stub.reply_to(received=Received(target=self.path, headers=headers, body=body))
            if reply.hang == "before":
                stub.released.wait(timeout=30)
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.hang == "within":
                stub.released.wait(timeout=30)
            self.wfile.write(reply.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay silent: the tests look at everything that is printed."""

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
