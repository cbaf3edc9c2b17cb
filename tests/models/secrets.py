"""A stand-in for Secrets Manager's GetSecretValue: one secret. It proves nothing about policies or rotation."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from tests.models.stand_in import AwsStandIn, refusal

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:speech-AbCdEf"
DEEPGRAM_KEY, CARTESIA_KEY = "deepgram-key-of-the-tests", "cartesia-key-of-the-tests"


@dataclass(kw_only=True)
class SecretsStandIn(AwsStandIn):
    """`secret` is what the secret holds."""

    service: str = "secretsmanager"
    secret: str = json.dumps({"deepgramApiKey": DEEPGRAM_KEY, "cartesiaApiKey": CARTESIA_KEY})

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/", self._answer)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        wire = await self.verified(request)
        if wire.headers.get("x-amz-target") != "secretsmanager.GetSecretValue":
            raise refusal("UnknownOperationException", HTTPStatus.BAD_REQUEST, "only GetSecretValue is known here")
        if json.loads(wire.body) != {"SecretId": SECRET_ARN}:
            raise refusal("ResourceNotFoundException", HTTPStatus.BAD_REQUEST, "can't find the specified secret")
        body = {"ARN": SECRET_ARN, "Name": "speech", "VersionId": "1" * 32, "SecretString": self.secret}
        return web.json_response(body, content_type="application/x-amz-json-1.1")
