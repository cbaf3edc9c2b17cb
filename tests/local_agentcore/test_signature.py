"""Who may pass: pre-signed URLs and signed headers, right and wrong in one thing each."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import boto3
import httpx
import pytest
import time_machine
from bedrock_agentcore.runtime import AgentCoreRuntimeClient
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.local_agentcore.cloud import (
    CALLER,
    CUSTOM_PARAMETER,
    KEYS,
    REGION,
    RUNTIME_ARN,
    SESSION_ID,
    SESSION_PARAMETER,
    Cloud,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
type Refusal = tuple[int, str]
INVALID = (403, "InvalidSignatureException")
INCOMPLETE = (400, "IncompleteSignatureException")
UNRECOGNIZED = (403, "UnrecognizedClientException")
VALIDATION = (400, "ValidationException")


async def refusal(url: str) -> Refusal:
    """Connect, and return the HTTP answer to the handshake."""
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, proxy=None)
    response = caught.value.response
    assert response.headers["x-amzn-requestid"]
    assert json.loads(response.body or b"{}")["message"]
    return response.status_code, response.headers["x-amzn-errortype"]


def edit(url: str, **changes: str | None) -> str:
    """Change, add or take away (None) query parameters, named with _ for -, after the URL was signed."""
    parts = urlsplit(url)
    query: dict[str, str | None] = dict(parse_qsl(parts.query))
    query |= {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in query.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept, quote_via=quote, safe="")))


@pytest.fixture
def sdk() -> AgentCoreRuntimeClient:
    session = boto3.Session(
        aws_access_key_id=CALLER.access_key_id,
        aws_secret_access_key=CALLER.secret_access_key,
        aws_session_token=CALLER.session_token,
        region_name=REGION,
    )
    return AgentCoreRuntimeClient(region=REGION, session=session)


async def hello(cloud: Cloud, url: str, headers: dict[str, str] | None = None) -> Any:
    """Connect to an AWS URL at the stand-in's port, keeping AWS's host in the header."""
    port = urlsplit(cloud.base_url).port
    plain = url.replace("wss://", "ws://", 1)
    async with connect(plain, host="127.0.0.1", port=port, proxy=None, additional_headers=headers) as websocket:
        return json.loads(await websocket.recv())


async def test_the_sdk_s_presigned_url_connects(cloud: Cloud, sdk: AgentCoreRuntimeClient) -> None:
    url = sdk.generate_presigned_url(
        RUNTIME_ARN,
        SESSION_ID,
        "live",
        custom_headers={CUSTOM_PARAMETER: "eyJhIjoxfQ", CUSTOM_PARAMETER + "-2": "a b+c/"},
    )
    told = await hello(cloud, url)
    assert told["headers"][SESSION_PARAMETER.lower()] == SESSION_ID
    assert told["headers"][CUSTOM_PARAMETER.lower()] == "eyJhIjoxfQ"
    assert told["headers"][CUSTOM_PARAMETER.lower() + "-2"] == "a b+c/"


async def test_the_sdk_s_signed_headers_connect(cloud: Cloud, sdk: AgentCoreRuntimeClient) -> None:
    url, headers = sdk.generate_ws_connection(RUNTIME_ARN, SESSION_ID, "live")
    handshake = {"Host", "Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "User-Agent"}
    told = await hello(cloud, url, {name: value for name, value in headers.items() if name not in handshake})
    assert told["headers"][SESSION_PARAMETER.lower()] == SESSION_ID


TAMPERINGS: dict[str, tuple[Callable[[str], str], Refusal]] = {
    "session id": (lambda url: edit(url, **{SESSION_PARAMETER: "session-" + "y" * 30}), INVALID),
    "session id gone": (lambda url: edit(url, **{SESSION_PARAMETER: None}), INVALID),
    "custom parameter": (lambda url: edit(url, **{CUSTOM_PARAMETER: "other"}), INVALID),
    "qualifier": (lambda url: edit(url, qualifier="DEFAULT"), INVALID),
    "extra parameter": (lambda url: edit(url, **{CUSTOM_PARAMETER + "-2": "x"}), INVALID),
    "longer life": (lambda url: edit(url, X_Amz_Expires="61"), INVALID),
    "later date": (lambda url: edit(url, X_Amz_Date=datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")), INVALID),
    "signature": (lambda url: edit(url, X_Amz_Signature="0" * 64), INVALID),
    "signature gone": (lambda url: edit(url, X_Amz_Signature=None), INCOMPLETE),
    "algorithm": (lambda url: edit(url, X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256"), INCOMPLETE),
    "date without meaning": (lambda url: edit(url, X_Amz_Date="today"), INVALID),
    "token": (lambda url: edit(url, X_Amz_Security_Token="another"), UNRECOGNIZED),
    "token gone": (lambda url: edit(url, X_Amz_Security_Token=None), UNRECOGNIZED),
    "host not signed": (lambda url: edit(url, X_Amz_SignedHeaders="user-agent"), INVALID),
    "parameter twice": (lambda url: f"{url}&qualifier=live", VALIDATION),
    "parameter twice in another case": (lambda url: f"{url}&Qualifier=live", VALIDATION),
    "lower-case hexadecimal": (lambda url: url.replace("%2F", "%2f"), VALIDATION),
    "plus for a space": (lambda url: url.replace("a%20b", "a+b"), VALIDATION),
    "ARN as it is": (lambda url: url.replace("%3A", ":"), VALIDATION),
    "runtime": (lambda url: url.replace("0123456789", "9876543210"), INVALID),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_a_tampered_url_is_refused(cloud: Cloud, what: str) -> None:
    tamper, expected = TAMPERINGS[what]
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=5)):
        url = cloud.presign(extra={CUSTOM_PARAMETER: "a b"})
    assert tamper(url) != url
    assert await refusal(tamper(url)) == expected


async def test_a_url_of_the_wrong_keys_is_refused(cloud: Cloud) -> None:
    impostor = Credentials(CALLER.access_key_id, "another secret", CALLER.session_token)
    stranger = Credentials("AKIASTRANGER", "a secret")
    assert await refusal(cloud.presign(keys=impostor)) == INVALID
    assert await refusal(cloud.presign(keys=stranger)) == UNRECOGNIZED


async def test_a_url_of_another_scope_is_refused(cloud: Cloud) -> None:
    assert await refusal(cloud.presign(region="eu-west-1")) == INVALID
    assert await refusal(cloud.presign(service="execute-api")) == INVALID


@pytest.mark.parametrize(
    ("expires", "signed_ago", "expected"),
    [
        (60, 62, INVALID),
        (300, 302, INVALID),
        (300, -302, INVALID),
        (301, 0, VALIDATION),
        (604_800, 0, VALIDATION),
        (0, 0, VALIDATION),
        (-1, 0, VALIDATION),
    ],
)
async def test_a_url_out_of_its_time_is_refused(cloud: Cloud, expires: int, signed_ago: int, expected: Refusal) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=signed_ago)):
        url = cloud.presign(expires=expires)
    assert await refusal(url) == expected


async def test_a_url_is_good_until_its_last_seconds(cloud: Cloud) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=290)):
        url = cloud.presign(expires=300)
    async with connect(url, proxy=None):
        pass


class SignsOnlyTheUserAgent(SigV4QueryAuth):
    """A signer that leaves out the host, so that its URL would open any host."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        headers["user-agent"] = "test"
        return headers


async def test_the_host_must_be_signed(cloud: Cloud) -> None:
    url = cloud.presign(signer=SignsOnlyTheUserAgent)
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, proxy=None, user_agent_header="test")
    assert caught.value.response.headers["x-amzn-errortype"] == INVALID[1]


async def test_a_handshake_without_a_signature_or_with_a_bearer_token_is_refused(cloud: Cloud) -> None:
    url = cloud.url({"qualifier": "live"}).replace("http://", "ws://")
    assert await refusal(url) == (403, "MissingAuthenticationTokenException")
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, proxy=None, additional_headers={"Authorization": "Bearer a.b.c"})
    assert caught.value.response.headers["x-amzn-errortype"] == "AccessDeniedException"
    with pytest.raises(InvalidStatus) as caught:
        await connect(cloud.presign(), proxy=None, additional_headers={"Authorization": "Bearer a.b.c"})
    assert caught.value.response.status_code == INCOMPLETE[0]


def signed_headers(cloud: Cloud, body: bytes, **extra: str) -> tuple[str, dict[str, str]]:
    """Return the URL and the headers of an invocation, signed by botocore."""
    url = cloud.url({"qualifier": "live"}, operation="invocations")
    request = AWSRequest(method="POST", url=url, data=body, headers={SESSION_PARAMETER: SESSION_ID, **extra})
    SigV4Auth(KEYS, "bedrock-agentcore", REGION).add_auth(request)
    return url, dict(request.headers)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (200, None)),
        ({SESSION_PARAMETER: "session-" + "y" * 30}, INVALID),
        ({"X-Amz-Unsigned": "1"}, INVALID),
        ({"X-Amz-Security-Token": "another"}, UNRECOGNIZED),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a/b"}, INCOMPLETE),
    ],
)
async def test_signed_headers_are_verified(
    cloud: Cloud, change: dict[str, str], expected: tuple[int, str | None]
) -> None:
    url, headers = signed_headers(cloud, b'{"do": "nothing"}')
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, content=b'{"do": "nothing"}', headers=headers | change)
    assert (answer.status_code, answer.headers.get("x-amzn-errortype")) == expected


@pytest.mark.parametrize("claim", [None, hashlib.sha256(b"{}").hexdigest(), "UNSIGNED-PAYLOAD"])
async def test_another_payload_than_the_signed_one_is_refused(cloud: Cloud, claim: str | None) -> None:
    url, headers = signed_headers(cloud, b"{}", **({"X-Amz-Content-Sha256": claim} if claim else {}))
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(url, content=b"[]", headers=headers)).headers["x-amzn-errortype"] == INVALID[1]


@pytest.mark.parametrize("signed_ago", [302, -302])
async def test_signed_headers_out_of_their_time_are_refused(cloud: Cloud, signed_ago: int) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=signed_ago)):
        url, headers = signed_headers(cloud, b"{}")
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(url, content=b"{}", headers=headers)).headers["x-amzn-errortype"] == INVALID[1]
