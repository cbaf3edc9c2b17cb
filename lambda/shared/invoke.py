"""InvokeAgentRuntime: one message to the agent of a session, and its answer or the reason why there is none.

https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_InvokeAgentRuntime.html
"""

import itertools
import json
import random
import time
from typing import Any

from shared.agentcore import agentcore_error, send_to_session
from shared.aws_request import AwsResponse, AwsTooLateError, AwsUnreachableError
from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError
from shared.runtime import RuntimeTarget

ANSWER_SECONDS = 6.0
"""What a try must have left to be worth it: an agent that finds no relay says so after up to 4 s."""

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 2.0
_OPERATION = "InvokeAgentRuntime"

# The agent answers 200 for these: AgentCore turns every other status into a 424 without its body.
_AGENT_ERRORS = {
    "no_relay": (424, "The agent reached no TURN relay, so the call can't be made. Tell the service's operator."),
    "invalid_offer": (400, "The agent could not use this offer; make a new one."),
    "session_busy": (409, "This session has another call; end that one, or start another session."),
    "no_daily": (501, "The agent of this deployment can't join Daily rooms. Tell the service's operator."),
    "unknown_connection": (404, "The agent has no connection of this pc_id; send a new offer without pc_id."),
}


def invoke_agent(
    *,
    message: dict[str, Any],
    session_id: str,
    runtime: RuntimeTarget,
    credentials: Credentials,
    deadline: float,
    answer_seconds: float = ANSWER_SECONDS,
) -> dict[str, Any]:
    """Send `message` as JSON and return the agent's JSON object; `deadline` is a time of `time.monotonic()`.

    Only a conflict (409, which AgentCore names retryable) is tried again, while an answer can still come in time:
    `answer_seconds` later.
    Raises `ApiError`: the agent's own error, or 502, 503 or 504 where AgentCore or the agent fails.
    """
    body = json.dumps(message).encode()
    for attempt in itertools.count():
        response = _invoke(
            body=body, session_id=session_id, runtime=runtime, credentials=credentials, deadline=deadline
        )
        wait = _wait_seconds(attempt=attempt)
        if response.status != 409 or time.monotonic() + wait + answer_seconds > deadline:
            break
        time.sleep(wait)
    return _agents_answer(response=response)


def agent_failed(*, message: str, note: str) -> ApiError:
    """The agent is at fault: 502."""
    return ApiError(status=502, code="agent_failed", message=message, note=note)


def _wait_seconds(*, attempt: int) -> float:
    longest = min(_FIRST_WAIT_SECONDS * 2**attempt, _LONGEST_WAIT_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - it spreads tries, and is no secret


def _invoke(
    *, body: bytes, session_id: str, runtime: RuntimeTarget, credentials: Credentials, deadline: float
) -> AwsResponse:
    timeout_seconds = max(deadline - time.monotonic(), 1.0)
    try:
        return send_to_session(
            operation="invocations",
            session_id=session_id,
            body=body,
            runtime=runtime,
            credentials=credentials,
            timeout_seconds=timeout_seconds,
        )
    except AwsTooLateError as error:
        raise ApiError(
            status=504,
            code="agent_too_late",
            message=f"The agent did not answer within {timeout_seconds:.0f} s. Start another session.",
            note=f"{_OPERATION}: {error}",
        ) from None
    except AwsUnreachableError as error:
        raise ApiError(
            status=504,
            code="agentcore_unreachable",
            message="AgentCore could not be reached. Try again in a moment.",
            headers=RETRY_LATER,
            note=f"{_OPERATION}: {error}",
        ) from None


def _agents_answer(*, response: AwsResponse) -> dict[str, Any]:
    note = f"{_OPERATION}: HTTP {response.status} {response.error_type}".rstrip()
    if response.status == 424:
        raise agent_failed(message="The agent failed. Start another session.", note=note)
    if response.status != 200:
        raise agentcore_error(
            response=response, operation=_OPERATION, message="AgentCore did not hand the request to the agent."
        )
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise agent_failed(message="The agent's answer is no JSON object.", note=f"{note}, no JSON object")
    if "error" in answer:
        raise _agents_error(error=answer["error"])
    return answer


def _agents_error(*, error: object) -> ApiError:
    """The agent's `{"code", "message"}` in our own words: only a known code is let through, and never its message."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code in _AGENT_ERRORS:
        status, message = _AGENT_ERRORS[code]
        return ApiError(status=status, code=code, message=message, note="the agent said so")
    if code == "stopping":
        return agent_failed(
            message="The agent is ending this session. Start another one.", note="the agent is stopping"
        )
    return agent_failed(message="The agent could not do this. Start another session.", note="the agent's own error")
