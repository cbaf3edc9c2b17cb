"""Signed requests to AWS without a client of botocore, which would first read a large model of the API."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from role_credentials import aws_session


class AwsRequestError(Exception):
    """No answer came; the message says why, without anything of the request. What is `passing` may be tried again."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


@dataclass(frozen=True, kw_only=True)
class AwsAnswer:
    """What a service answered. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)


def endpoint(service: str, *, host: str) -> str:
    """The URL of a service, with botocore's own variables for another one; it ends with a slash."""
    chosen = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    return (chosen or f"https://{host}").rstrip("/") + "/"


async def post(url: str, *, body: bytes, headers: Mapping[str, str], signing_name: str, region: str) -> AwsAnswer:
    """Send a request that is signed with the role's credentials; the caller bounds the time.

    Raises `AwsRequestError`.
    """
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    credentials = await aws_session().get_credentials()
    if credentials is None:
        nothing = "the process has no AWS credentials; on AgentCore they are those of the execution role"
        raise AwsRequestError(nothing, passing=False)
    SigV4Auth(await credentials.get_frozen_credentials(), signing_name, region).add_auth(request)
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE")))
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.post(url, data=body, headers=dict(request.headers)) as answer,
        ):
            named = {name.lower(): value for name, value in answer.headers.items()}
            return AwsAnswer(status=answer.status, headers=named, text=await answer.text())
    except (aiohttp.ClientError, ConnectionError) as error:
        raise AwsRequestError(f"{signing_name} can't be reached: {type(error).__name__}", passing=True) from error
