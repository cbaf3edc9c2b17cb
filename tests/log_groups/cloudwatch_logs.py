"""CloudWatch Logs and CloudFormation's answer place on loopback, as the function meets them.

Signatures are not verified, and no key's policy is asked: what it proves is the order of calls and their parameters.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = {
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
}


class CloudWatchLogs:
    """Log groups by name; `refusals` are error codes that the next requests get, and `answers` what was PUT."""

    def __init__(self) -> None:
        self.url = ""
        self.groups: dict[str, dict[str, Any]] = {}
        self.refusals: list[str] = []
        self.called: list[str] = []
        self.answers: list[dict[str, Any]] = []
        self.answer_statuses: list[int] = []

    def call(self, action: str, request: dict[str, Any]) -> str | None:
        """Carry a request out; returns the code of an error, or None."""
        self.called.append(action)
        if self.refusals:
            return self.refusals.pop(0)
        name = request.pop("logGroupName")
        if action == "CreateLogGroup" and name in self.groups:
            return "ResourceAlreadyExistsException"
        if action != "CreateLogGroup" and name not in self.groups:
            return "ResourceNotFoundException"
        if request.get("retentionInDays", 1) not in RETENTION_DAYS:
            return "InvalidParameterException"
        self._change(action, name, request)
        return None

    def _change(self, action: str, name: str, request: dict[str, Any]) -> None:
        match action:
            case "CreateLogGroup":
                self.groups[name] = {}
            case "PutRetentionPolicy" | "AssociateKmsKey":
                self.groups[name] |= request
            case "DisassociateKmsKey":
                self.groups[name].pop("kmsKeyId", None)
            case "DeleteLogGroup":
                del self.groups[name]

    def answered(self, answer: dict[str, Any]) -> int:
        """Take a custom resource's answer; returns the HTTP status."""
        if self.answer_statuses:
            return self.answer_statuses.pop(0)
        self.answers.append(answer)
        return 200


@contextmanager
def running() -> Iterator[CloudWatchLogs]:
    """A service that answers at `url` until the block ends."""
    logs = CloudWatchLogs()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            action = self.headers["X-Amz-Target"].rpartition(".")[2]
            code = logs.call(action, json.loads(self._body()))
            self._send(400 if code else 200, {"__type": code, "message": f"refused: {code}"} if code else {})

        def do_PUT(self) -> None:
            # S3 refuses a content type that the pre-signed URL is not signed for.
            status = logs.answered(json.loads(self._body())) if not self.headers.get("Content-Type") else 403
            self._send(status, {})

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        logs.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield logs
        finally:
            server.shutdown()
            thread.join()
