"""The rooms function behind Lambda's Invoke API, as far as the agent sees it: events are kept, and answered as asked.

It verifies signatures with the keys that the credentials endpoint handed out, and takes only what the API documents:
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
It proves nothing about the function itself, nor about the queue that takes its asynchronous events.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tests.models.certificates import Certificates
from tests.models.cloudwatch import CloudWatchStandIn
from tests.models.credentials import ContainerCredentialsEndpoint
from tests.models.stand_in import REGION, AwsStandIn, refusal, validation_error

NAME = "switchboard-tests-rooms"
_INVOCATIONS: Mapping[str, HTTPStatus] = {"Event": HTTPStatus.ACCEPTED, "RequestResponse": HTTPStatus.OK}
_SYNCHRONOUS = {"dialin-ready", "call-status"}


@dataclass(kw_only=True)
class RoomsFunctionStandIn(AwsStandIn):
    """`events` were carried out. `refusing` are Lambda's answers before that; `failing_types` fail in the function.

    `connect` is what the function does to put a caller through.
    """

    service: str = "lambda"
    certificates: Certificates
    cloudwatch: CloudWatchStandIn
    events: list[dict[str, Any]] = field(default_factory=list)
    refusing: list[HTTPStatus] = field(default_factory=list)
    failing_types: set[str] = field(default_factory=set)
    connect: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    @asynccontextmanager
    async def run(cls, *, folder: Path) -> AsyncIterator[Self]:
        """Serve until the end of the block, and CloudWatch for the agent's metrics."""
        certificates = Certificates.make(folder)
        with ContainerCredentialsEndpoint.run() as credentials:
            cloudwatch = CloudWatchStandIn(credentials=credentials)
            function = cls(credentials=credentials, certificates=certificates, cloudwatch=cloudwatch)
            async with cloudwatch.serve(certificates=certificates), function.serve(certificates=certificates):
                yield function

    def environment(self) -> dict[str, str]:
        """What an agent is told to find both."""
        return {
            **self.credentials.environment(),
            **self.certificates.environment(),
            "AWS_ENDPOINT_URL_LAMBDA": self.url,
            "AWS_ENDPOINT_URL_CLOUDWATCH": self.cloudwatch.url,
            "AWS_REGION": REGION,
            "SWITCHBOARD_ROOMS_FUNCTION": NAME,
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"/2015-03-31/functions/{NAME}/invocations", self._invoke)]

    async def event(self, kind: str, *, within: float = 30.0, **members: str) -> dict[str, Any]:
        """The first event of this type with these members; waits for it."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self.events if e["type"] == kind and members.items() <= e.items()), None)

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(found)
        event = found()
        assert event is not None
        return event

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def statuses(self) -> list[str]:
        return [event["status"] for event in self.events if event["type"] == "call-status"]

    async def _invoke(self, request: web.Request) -> web.Response:
        await self.verified(request)
        invocation = request.headers.get("X-Amz-Invocation-Type", "")
        event = json.loads(await request.read())
        if self.refusing:
            raise refusal("TooManyRequestsException", self.refusing.pop(0), "Rate exceeded")
        if (invocation == "RequestResponse") != (event["type"] in _SYNCHRONOUS) or invocation not in _INVOCATIONS:
            raise validation_error(f"{event['type']} came as {invocation}")
        if event["type"] in self.failing_types:
            return web.json_response({"errorMessage": "daily_failed"}, headers={"X-Amz-Function-Error": "Unhandled"})
        if event["type"] == "dialin-ready" and self.connect:
            await self.connect(event)
        async with self._news:
            self.events.append(event)
            self._news.notify_all()
        return web.json_response({}, status=_INVOCATIONS[invocation])
