"""DELETE /sessions/{session_id}: end a session of the caller's own."""

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from connect.answer import Answer
from connect.errors import RETRY_LATER, ApiError
from connect.session_id import is_session_id, owns_session
from connect.session_key import session_key
from connect.settings import Settings
from shared.aws_request import AwsResponse, AwsUnreachableError, send_signed
from shared.credentials import Credentials


def stop(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the session is ended, also when it had ended before.

    Raises `ApiError`: 400 for a malformed id, 403 for one that isn't the caller's, 502 or 503 when AgentCore fails.
    """
    session_id = event["pathParameters"]["session_id"]
    if not is_session_id(session_id):
        raise ApiError(
            status=400,
            code="malformed_session_id",
            message="This is no session id; use the switchboard-session-id that POST /start answered with.",
        )
    key = session_key(settings=settings, credentials=credentials)
    if not owns_session(key=key, subject=subject, session_id=session_id):
        raise ApiError(
            status=403,
            code="not_your_session",
            message="This session is not yours; only the caller who started a session can end it.",
        )
    response = _stop_runtime_session(session_id=session_id, settings=settings, credentials=credentials)
    return Answer(status=204, metric="SessionsStopped", session_id=session_id, note=_outcome(response=response))


def _stop_runtime_session(*, session_id: str, settings: Settings, credentials: Credentials) -> AwsResponse:
    """https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_StopRuntimeSession.html."""
    path = f"/runtimes/{quote(settings.runtime_arn, safe='')}/stopruntimesession"
    try:
        return send_signed(
            url=f"{settings.agentcore_url}{path}?qualifier={quote(settings.endpoint_name, safe='')}",
            service="bedrock-agentcore",
            region=settings.runtime_region,
            credentials=credentials,
            headers={
                "Content-Type": "application/json",
                "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": session_id,
            },
            body=json.dumps({"clientToken": str(uuid.uuid4())}).encode(),
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
    if response.status in (409, 429):
        status, code, advice = 503, "agentcore_busy", "Try again in a moment."
    elif response.status >= 500:
        status, code, advice = 502, "agentcore_failed", "Try again in a moment."
    else:
        status, code, advice = 502, "agentcore_refused", "Tell the service's operator this request id."
    raise ApiError(
        status=status,
        code=code,
        message=f"AgentCore did not end the session, which may still be running. {advice}",
        headers=None if code == "agentcore_refused" else RETRY_LATER,
        note=f"StopRuntimeSession: HTTP {response.status} {response.error_type}".rstrip(),
    )
