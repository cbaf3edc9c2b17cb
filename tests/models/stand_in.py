"""What the stand-ins for speech and language services share: a server, signatures, refusals and notes."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal, Self

from aiohttp import web

from local.aws_http.errors import ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.signature import verify
from tests.models.certificates import Certificates
from tests.models.credentials import ContainerCredentialsEndpoint

REGION = "us-east-1"

type Failure = Literal["throttled", "refused", "expired", "broken"]
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REFUSALS: dict[Failure, tuple[str, HTTPStatus, str]] = {
    "throttled": ("ThrottlingException", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests, please wait."),
    "refused": ("AccessDeniedException", HTTPStatus.FORBIDDEN, "You don't have access to the model."),
    "expired": ("ExpiredTokenException", HTTPStatus.FORBIDDEN, "The security token included in the request is expired"),
}


@dataclass(kw_only=True)
class StandIn(ABC):
    """One service on a free port of loopback, over TLS.

    `connections` are the TCP connections that brought requests, by the client's address; `requests` the moments
    (monotonic seconds) at which those came; `failing` is how every request fails while it is set.
    """

    failing: Failure | None = None
    connections: set[tuple[str, int]] = field(default_factory=set)
    requests: list[float] = field(default_factory=list)
    port: int = 0

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """What the service answers to."""

    @asynccontextmanager
    async def serve(self, *, certificates: Certificates) -> AsyncIterator[Self]:
        """Serve until the end of the block."""
        application = web.Application(middlewares=[self._note])
        application.add_routes(self.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        tls = certificates.server_context(alpn=["http/1.1"])
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        assert request.transport is not None
        self.requests.append(time.monotonic())
        self.connections.add(request.transport.get_extra_info("peername")[:2])
        return await handler(request)

    async def request_after(self, moment: float, *, within: float = 20.0) -> float:
        """The moment of the first request after a moment; waits for it."""
        async with asyncio.timeout(within):
            while True:
                if later := [at for at in self.requests if at > moment]:
                    return later[0]
                await asyncio.sleep(0.005)


@dataclass(kw_only=True)
class AwsStandIn(StandIn):
    """One service of AWS, which verifies signatures with the keys that the credentials endpoint handed out.

    `keys` are the ids of the access keys that signed good requests.
    """

    credentials: ContainerCredentialsEndpoint
    service: str
    keys: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL_…"""
        return f"https://127.0.0.1:{self.port}"

    async def verified(self, request: web.Request) -> HttpRequest:
        """The request, once its signature is found good and it isn't to fail; raises `ServiceRefusal`."""
        raw_path, _, query = request.raw_path.partition("?")
        try:
            wire = HttpRequest.from_wire(
                method=request.method,
                raw_path=raw_path.encode(),
                query_string=query.encode(),
                headers=request.raw_headers,
                body=await request.read() if request.body_exists else b"",
            )
            credential = verify(
                wire,
                service=self.service,
                region=REGION,
                find_credential=self.credentials.find,
                now=datetime.now(UTC),
            )
        except ServiceError as error:
            raise refusal(error.code.code, error.code.status, error.message) from error
        self.keys.append(credential.access_key_id)
        if self.failing is not None and self.failing in REFUSALS:
            raise refusal(*REFUSALS[self.failing])
        return wire


def refusal(code: str, status: HTTPStatus, message: str) -> web.HTTPException:
    """An error of a REST-JSON service, as botocore reads it."""

    class Refusal(web.HTTPException):
        status_code = status

    return Refusal(
        text=f'{{"message": "{message}", "__type": "{code}"}}',
        headers={"x-amzn-ErrorType": code},
        content_type="application/json",
    )


def validation_error(message: str) -> web.HTTPException:
    """What AWS answers to a request that breaks its rules."""
    return refusal("ValidationException", HTTPStatus.BAD_REQUEST, message.replace('"', "'"))
