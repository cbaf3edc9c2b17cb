"""Role credentials that end soon: the container credentials endpoint from which the agents under test get their keys.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
It proves nothing about the metadata service, which AgentCore may offer instead.
"""

import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from local.aws_http.identity import Credential

ACCOUNT = "123456789012"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/agent/tests"
PATH = "/credentials"


@dataclass(kw_only=True)
class Issued:
    """A key that was handed out, and the moment of its end."""

    credential: Credential
    expiration: datetime


@dataclass(kw_only=True)
class ContainerCredentialsEndpoint:
    """Hands out a new key at every request; each is good for `lifetime_seconds`. May be used from any thread.

    While `serving` is false it answers 500, as an endpoint that has lost its role.
    """

    lifetime_seconds: float = 60.0
    serving: bool = True
    issued: list[Issued] = field(default_factory=list)
    _token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _port: int = 0

    @classmethod
    @contextmanager
    def run(cls, *, lifetime_seconds: float = 60.0) -> Iterator[Self]:
        """Serve on a free port of loopback, from a thread, until the end of the block."""
        endpoint = cls(lifetime_seconds=lifetime_seconds)

        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, endpoint)) as server:
            endpoint._port = server.server_address[1]
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield endpoint
            finally:
                server.shutdown()
                thread.join()

    def environment(self) -> dict[str, str]:
        """The environment that tells an AWS SDK to ask here."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._port}{PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def find(self, access_key_id: str) -> Credential | None:
        """The credential of a key; None when it was never handed out, or has expired."""
        now = datetime.now(UTC)
        return next(
            (
                key.credential
                for key in self.issued
                if key.credential.access_key_id == access_key_id and now < key.expiration
            ),
            None,
        )

    def expire_now(self) -> None:
        """End the life of every key that was handed out; the next request gets a good one."""
        for key in self.issued:
            key.expiration = datetime.now(UTC)

    def authorizes(self, authorization: str) -> bool:
        """Whether this is the token of the environment."""
        return hmac.compare_digest(authorization.encode(), self._token.encode())

    def issue(self) -> dict[str, str]:
        """A new key, in the form of the endpoint's answer."""
        key = Issued(
            credential=Credential(
                access_key_id=f"ASIA{secrets.token_hex(8).upper()}",
                secret_access_key=secrets.token_urlsafe(30),
                session_token=secrets.token_urlsafe(60),
                principal_arn=ROLE,
                account_id=ACCOUNT,
            ),
            expiration=datetime.now(UTC) + timedelta(seconds=self.lifetime_seconds),
        )
        self.issued.append(key)
        return {
            "AccessKeyId": key.credential.access_key_id,
            "SecretAccessKey": key.credential.secret_access_key,
            "Token": key.credential.session_token or "",
            "Expiration": key.expiration.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, endpoint: ContainerCredentialsEndpoint, *arguments: Any) -> None:
        self.credentials = endpoint
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, {"message": "no such path"})
        elif not self.credentials.authorizes(self.headers.get("Authorization", "")):
            self._answer(HTTPStatus.UNAUTHORIZED, {"message": "the authorization token is wrong"})
        elif not self.credentials.serving:
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"message": "no role"})
        else:
            self._answer(HTTPStatus.OK, self.credentials.issue())

    def _answer(self, status: HTTPStatus, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's signature
        """Print nothing."""
