"""StopRuntimeSession: end a session at once, so that nobody pays for its idle time."""

import json
import uuid

from shared.agentcore import agentcore_error, send_to_session
from shared.aws_request import AwsResponse, AwsUnreachableError
from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError
from shared.runtime import RuntimeTarget


def stop_session(
    *, session_id: str, runtime: RuntimeTarget, credentials: Credentials, timeout_seconds: float | None = None
) -> str:
    """End the session and say what happened, for the log; one that has ended before is no error.

    Raises `ApiError`: 502 or 503 where AgentCore did not end it.
    https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_StopRuntimeSession.html
    """
    try:
        response = send_to_session(
            operation="stopruntimesession",
            session_id=session_id,
            body=json.dumps({"clientToken": str(uuid.uuid4())}).encode(),
            runtime=runtime,
            credentials=credentials,
            timeout_seconds=timeout_seconds,
        )
    except AwsUnreachableError as error:
        raise ApiError(
            status=503,
            code="agentcore_unreachable",
            message="AgentCore did not answer in time; the session may still be running. Try again in a moment.",
            headers=RETRY_LATER,
            note=f"StopRuntimeSession: {error}",
        ) from None
    return _outcome(response=response)


def _outcome(*, response: AwsResponse) -> str:
    if 200 <= response.status < 300:
        return "stopped"
    if response.status == 404:
        return "already gone"
    raise agentcore_error(
        response=response,
        operation="StopRuntimeSession",
        message="AgentCore did not end the session, which may still be running.",
    )
