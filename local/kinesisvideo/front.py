"""Stands in front of the service as an ASGI application: who asks has to be allowed to."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local.aws_http.asgi import ClientGoneError, Exchange, Receive, Scope, Send
from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.identity import Identity
from local.aws_http.signature import verify
from local.kinesisvideo.service import PATHS, KinesisVideo, Operation, Response, refusal

SIGNING_NAME = "kinesisvideo"
MAX_BODY_BYTES = 64 * 1024
"""No request that the models allow is larger."""

events = logging.getLogger("local.kinesisvideo")


class Front:
    """Verifies Signature Version 4 and asks IAM, then lets the service answer; both services sign as `kinesisvideo`."""

    def __init__(self, *, service: KinesisVideo, identity: Identity, account_id: str, region: str) -> None:
        self._service = service
        self._identity = identity
        self._region = region
        self._channels = f"arn:aws:kinesisvideo:{region}:{account_id}:channel"

    def handles(self, path: str) -> bool:
        """Whether a path is one of the services' operations."""
        return path in PATHS

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an `http` scope."""
        exchange = Exchange(scope=scope, receive=receive, send=send)
        try:
            response = await self._respond(exchange)
        except ClientGoneError:
            return
        headers = {"x-amzn-RequestId": exchange.request_id, **response.headers}
        await exchange.respond_with(response.body, status=response.status, headers=headers)

    async def _respond(self, exchange: Exchange) -> Response:
        try:
            http = await exchange.read(max_body_bytes=MAX_BODY_BYTES)
            self._admit(http)
        except ServiceError as error:
            events.warning("request refused: request=%s code=%s", exchange.request_id, error.code.code)
            return refusal(error)
        return self._service.answer(method=http.method, path=http.raw_path, body=http.body)

    def _admit(self, http: HttpRequest) -> None:
        credential = verify(
            http,
            service=SIGNING_NAME,
            region=self._region,
            find_credential=self._identity.credential,
            now=datetime.now(UTC),
        )
        action, resource = Operation(http.raw_path).action, self._resource(http.body)
        if not self._identity.allowed(credential=credential, action=action, resources=[resource]):
            raise ServiceError(
                CommonCode.ACCESS_DENIED,
                f"User: {credential.principal_arn} is not authorized to perform: {action} on resource: {resource}",
            )

    def _resource(self, body: bytes) -> str:
        """Return the ARN that IAM is asked about; the service itself looks at whether the request is well-formed."""
        members = _members(body)
        arn, name = members.get("ChannelARN", members.get("ResourceARN")), members.get("ChannelName")
        if isinstance(arn, str):
            return arn
        return f"{self._channels}/{name}/*" if isinstance(name, str) else "*"


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
