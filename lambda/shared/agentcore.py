"""Requests to AgentCore's data plane for one session, and what its refusals mean for a caller."""

from urllib.parse import quote

from shared.aws_request import AwsResponse, send_signed
from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError
from shared.runtime import RuntimeTarget


def send_to_session(
    *,
    operation: str,
    session_id: str,
    body: bytes,
    runtime: RuntimeTarget,
    credentials: Credentials,
    timeout_seconds: float | None = None,
) -> AwsResponse:
    """POST `/runtimes/{arn}/{operation}` for this session of the runtime's endpoint.

    Tries once; any status is an answer. Raises `AwsUnreachableError`.
    """
    path = f"/runtimes/{quote(runtime.arn, safe='')}/{operation}"
    return send_signed(
        url=f"{runtime.base_url}{path}?qualifier={quote(runtime.endpoint_name, safe='')}",
        service="bedrock-agentcore",
        region=runtime.region,
        credentials=credentials,
        headers={
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": session_id,
        },
        body=body,
        timeout_seconds=timeout_seconds,
    )


def agentcore_error(*, response: AwsResponse, operation: str, message: str) -> ApiError:
    """What to answer where AgentCore did not do it; `message` says what was not done, as a sentence."""
    if response.status in (409, 429):
        status, code, advice = 503, "agentcore_busy", "Try again in a moment."
    elif response.status >= 500:
        status, code, advice = 502, "agentcore_failed", "Try again in a moment."
    else:
        status, code, advice = 502, "agentcore_refused", "Tell the service's operator this request id."
    return ApiError(
        status=status,
        code=code,
        message=f"{message} {advice}",
        headers=None if code == "agentcore_refused" else RETRY_LATER,
        note=f"{operation}: HTTP {response.status} {response.error_type}".rstrip(),
    )
