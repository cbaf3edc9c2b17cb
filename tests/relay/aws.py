"""Stand-ins for the two services that the relay asks: Secrets Manager with one secret, and DynamoDB with one table.

They take exactly the requests that the relay makes and refuse any other. They prove nothing about policies, about
capacity, or about when DynamoDB deletes an expired item.
"""

import json
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tests.models.stand_in import AwsStandIn, refusal
from tests.relay.tokens import KEY

KEY_SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:relay-AbCdEf"
TABLE = "calls"
CONDITION = "attribute_not_exists(pk) OR claimed = :mark"


@dataclass(kw_only=True)
class KeyStandIn(AwsStandIn):
    """`versions` are the secret's values by stage; `created_at` is when the current one was made (epoch seconds)."""

    service: str = "secretsmanager"
    versions: dict[str, str] = field(default_factory=lambda: {"AWSCURRENT": KEY})
    created_at: float = field(default_factory=time.time)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/", self._answer)]

    def rotate(self, key: str, *, age_seconds: float = 0) -> None:
        self.versions = {"AWSCURRENT": key, "AWSPREVIOUS": self.versions["AWSCURRENT"]}
        self.created_at = time.time() - age_seconds

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        wire = await self.verified(request)
        asked = json.loads(wire.body)
        if wire.headers.get("x-amz-target") != "secretsmanager.GetSecretValue":
            raise refusal("UnknownOperationException", HTTPStatus.BAD_REQUEST, "only GetSecretValue is known here")
        if asked.keys() != {"SecretId", "VersionStage"} or asked["SecretId"] != KEY_SECRET_ARN:
            raise refusal("InvalidParameterException", HTTPStatus.BAD_REQUEST, "another secret, or another question")
        if (value := self.versions.get(asked["VersionStage"])) is None:
            raise refusal("ResourceNotFoundException", HTTPStatus.BAD_REQUEST, "no such version")
        created_at = self.created_at if asked["VersionStage"] == "AWSCURRENT" else 0
        body = {"ARN": KEY_SECRET_ARN, "SecretString": value, "CreatedDate": created_at}
        return web.json_response(body, content_type="application/x-amz-json-1.1")


@dataclass(kw_only=True)
class TableStandIn(AwsStandIn):
    """`items` are the table's by their key; `lost_answers` is how many requests are carried out but not answered."""

    service: str = "dynamodb"
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost_answers: int = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/", self._answer)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        wire = await self.verified(request)
        if (
            wire.headers.get("x-amz-target") != "DynamoDB_20120810.PutItem"
            or wire.headers.get("content-type") != "application/x-amz-json-1.0"
        ):
            raise refusal("UnknownOperationException", HTTPStatus.BAD_REQUEST, "only PutItem is known here")
        self._put(json.loads(wire.body))
        if self.lost_answers:
            self.lost_answers -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({}, content_type="application/x-amz-json-1.0")

    def _put(self, asked: dict[str, Any]) -> None:
        match asked:
            case {
                "TableName": "calls",
                "Item": {"pk": {"S": str(key)}, "claimed": {"S": str(mark)}, "expires": {"N": str(expires)}} as item,
                "ConditionExpression": "attribute_not_exists(pk) OR claimed = :mark",
                "ExpressionAttributeValues": {":mark": {"S": str(value)}},
            } if len(asked) == 4 and len(item) == 3 and value == mark and int(expires) > time.time():
                if key in self.items and self.items[key]["claimed"]["S"] != mark:
                    code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
                    raise refusal(code, HTTPStatus.BAD_REQUEST, "The conditional request failed")
                self.items[key] = item
            case _:
                raise refusal("ValidationException", HTTPStatus.BAD_REQUEST, "not the request of the relay")
