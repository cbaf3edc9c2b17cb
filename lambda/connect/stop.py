"""DELETE /sessions/{session_id}: end a session of the caller's own."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from connect.agentcore import agentcore_error, send_to_session
from connect.answer import Answer
from connect.errors import RETRY_LATER, ApiError
from connect.owned_session import owned_session
from connect.settings import Settings
from shared.aws_request import AwsResponse, AwsUnreachableError
from shared.credentials import Credentials


def stop(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the session is ended, also when it had ended before.

    Raises `ApiError`: 400 for a malformed id, 403 for one that isn't the caller's, 502 or 503 when AgentCore fails.
    """
    owned = owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    response = _stop_runtime_session(session_id=owned.session_id, settings=settings, credentials=credentials)
    return Answer(status=204, metric="SessionsStopped", session_id=owned.session_id, note=_outcome(response=response))


def _stop_runtime_session(*, session_id: str, settings: Settings, credentials: Credentials) -> AwsResponse:
    """https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_StopRuntimeSession.html."""
    try:
        return send_to_session(
            operation="stopruntimesession",
            session_id=session_id,
            body=json.dumps({"clientToken": str(uuid.uuid4())}).encode(),
            settings=settings,
            credentials=credentials,
        )
    except AwsUnreachableError as error:
        raise ApiError(
            status=503,
            code="agentcore_unreachable",
            message="AgentCore did not answer in time; the session may still be running. Try again in a moment.",
            headers=RETRY_LATER,
            note=f"StopRuntimeSession: {error}",
        ) from None


def _outcome(*, response: AwsResponse) -> str:
    """What happened to the session; raises `ApiError` where AgentCore did not end it."""
    if 200 <= response.status < 300:
        return "stopped"
    if response.status == 404:
        return "already gone"
    raise agentcore_error(
        response=response,
        operation="StopRuntimeSession",
        message="AgentCore did not end the session, which may still be running.",
    )
