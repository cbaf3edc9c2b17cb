"""What may be asked: permissions, targets and parameters of requests whose signature is right."""

import re
from collections.abc import Callable

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.local_agentcore.cloud import (
    ACCOUNT,
    CUSTOM_PARAMETER,
    RUNTIME_ARN,
    SESSION_ID,
    SESSION_PARAMETER,
    Cloud,
    hello,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
USER_PARAMETER = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"
WEBSOCKET_ACTION = "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream"
DENIED = (403, "AccessDeniedException")
NOT_FOUND = (404, "ResourceNotFoundException")
VALIDATION = (400, "ValidationException")


async def refusal(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, proxy=None, additional_headers=headers)
    return caught.value.response.status_code, caught.value.response.headers["x-amzn-errortype"]


@pytest.mark.parametrize("resource", [RUNTIME_ARN, f"{RUNTIME_ARN}/runtime-endpoint/live"])
async def test_the_action_must_be_allowed_on_the_runtime_and_on_its_endpoint(cloud: Cloud, resource: str) -> None:
    cloud.control_plane.permissions.remove((WEBSOCKET_ACTION, resource))
    assert await refusal(cloud.presign()) == DENIED


async def test_a_user_id_needs_an_action_of_its_own(cloud: Cloud) -> None:
    url = cloud.presign(extra={USER_PARAMETER: "user"})
    assert await refusal(url) == DENIED
    assert await refusal(cloud.presign(), headers={USER_PARAMETER: "user"}) == DENIED
    for resource in (RUNTIME_ARN, f"{RUNTIME_ARN}/runtime-endpoint/live"):
        cloud.control_plane.permissions.add((f"{WEBSOCKET_ACTION}ForUser", resource))
    assert (await hello(url))["headers"][USER_PARAMETER.lower()] == "user"


async def test_the_runtime_of_another_account_is_refused(cloud: Cloud) -> None:
    arn = RUNTIME_ARN.replace(ACCOUNT, "210987654321")
    for resource in (arn, f"{arn}/runtime-endpoint/live"):
        cloud.control_plane.permissions.add((WEBSOCKET_ACTION, resource))
    assert await refusal(cloud.presign(arn=arn)) == DENIED


REFUSALS: dict[str, tuple[Callable[[Cloud], str], tuple[int, str]]] = {
    "unknown runtime, no permission": (lambda cloud: cloud.presign(arn=RUNTIME_ARN + "x"), DENIED),
    "unknown qualifier": (lambda cloud: cloud.presign(qualifier="other"), NOT_FOUND),
    "not an ARN": (lambda cloud: cloud.presign(arn="voice-0123456789"), VALIDATION),
    "ARN of another service": (lambda cloud: cloud.presign(arn=RUNTIME_ARN.replace("bedrock-", "")), VALIDATION),
    "short session id": (lambda cloud: cloud.presign(session_id="s" * 32), VALIDATION),
    "long session id": (lambda cloud: cloud.presign(session_id="s" * 257), VALIDATION),
    "session id with a dot": (lambda cloud: cloud.presign(session_id="s" * 33 + "."), VALIDATION),
    "session id with a line feed": (lambda cloud: cloud.presign(session_id="s" * 33 + "\n"), VALIDATION),
    "unknown parameter": (lambda cloud: cloud.presign(extra={"shell": "1"}), VALIDATION),
    "custom header that injects another": (
        lambda cloud: cloud.presign(extra={CUSTOM_PARAMETER: "a\r\nX-Admin: 1"}),
        VALIDATION,
    ),
    "custom name that isn't one": (lambda cloud: cloud.presign(extra={CUSTOM_PARAMETER + ":": "a"}), VALIDATION),
    "custom header too long": (lambda cloud: cloud.presign(extra={CUSTOM_PARAMETER: "a" * 4097}), VALIDATION),
    "too many custom headers": (
        lambda cloud: cloud.presign(extra={f"{CUSTOM_PARAMETER}-{number}": "a" for number in range(21)}),
        VALIDATION,
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_a_wrong_request_is_refused(cloud: Cloud, what: str) -> None:
    url, expected = REFUSALS[what]
    assert await refusal(url(cloud)) == expected


async def test_an_unknown_runtime_is_not_found(cloud: Cloud) -> None:
    arn = RUNTIME_ARN + "x"
    for resource in (arn, f"{arn}/runtime-endpoint/live"):
        cloud.control_plane.permissions.add((WEBSOCKET_ACTION, resource))
    assert await refusal(cloud.presign(arn=arn)) == NOT_FOUND


async def test_a_session_id_that_differs_between_query_and_header_is_refused(cloud: Cloud) -> None:
    assert await refusal(cloud.presign(), headers={SESSION_PARAMETER: "session-" + "y" * 30}) == VALIDATION


async def test_a_missing_session_id_is_made_and_a_missing_qualifier_is_the_default(cloud: Cloud) -> None:
    del cloud.control_plane.endpoints["live"]
    async with connect(cloud.presign(session_id=None, qualifier=None), proxy=None) as websocket:
        assert websocket.response is not None
        made = websocket.response.headers[SESSION_PARAMETER]
    assert re.fullmatch(r"[0-9a-f-]{36}", made)


async def test_nothing_but_the_allowed_headers_reaches_the_agent(cloud: Cloud) -> None:
    sent = {
        "Authorization-Copy": "x",
        "Cookie": "a=b",
        "Origin": "https://example.com",
        "X-Forwarded-For": "192.0.2.1",
        "X-Amzn-Other": "x",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        CUSTOM_PARAMETER + "-2": "from a header",
        CUSTOM_PARAMETER + "-3": "not configured",
    }
    told = await hello(cloud.presign(extra={CUSTOM_PARAMETER: "from the query"}), headers=sent)
    handshake = {"host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"}
    request_id = "x-amzn-bedrock-agentcore-runtime-request-id"
    assert told["headers"].keys() - handshake == {
        SESSION_PARAMETER.lower(),
        CUSTOM_PARAMETER.lower(),
        CUSTOM_PARAMETER.lower() + "-2",
        "traceparent",
        request_id,
    }
    assert told["headers"][SESSION_PARAMETER.lower()] == SESSION_ID
    assert told["headers"][CUSTOM_PARAMETER.lower()] == "from the query"
    assert told["headers"][CUSTOM_PARAMETER.lower() + "-2"] == "from a header"


@pytest.mark.parametrize(
    ("method", "operation", "expected"),
    [
        ("GET", "invocations", (404, "UnknownOperationException")),
        ("POST", "ws", (404, "UnknownOperationException")),
        ("POST", "commands", (404, "UnknownOperationException")),
        ("GET", "ws", VALIDATION),
    ],
)
async def test_a_wrong_method_or_path_is_refused(
    cloud: Cloud, method: str, operation: str, expected: tuple[int, str]
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request(method, cloud.url({}, operation=operation))
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == expected


@pytest.mark.parametrize(
    ("path", "handled"),
    [
        ("/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fvoice-1/ws", True),
        ("/runtimes/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/voice-1/invocations", True),
        ("/runtimes/voice-1/stopruntimesession", True),
        ("/_agentcore/credentials/0123", True),
        ("/runtimes/voice-1", False),
        ("/runtimes/voice-1/", False),
        ("/runtimes/voice-1/runtime-endpoints/ws", False),
        ("/runtimes/voice-1/runtime-endpoints/ws/", False),
        ("/", False),
    ],
)
async def test_the_paths_of_the_data_plane_are_told_from_the_control_plane_s(
    cloud: Cloud, path: str, handled: bool
) -> None:
    assert cloud.data_plane.handles(path) == handled
