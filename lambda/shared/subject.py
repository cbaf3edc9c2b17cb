"""Who calls: the subject of the token that API Gateway's JWT authorizer has already checked."""

from collections.abc import Mapping
from typing import Any

from shared.errors import ApiError

ANONYMOUS = "anonymous"


def caller_subject(*, event: Mapping[str, Any], authenticated: bool) -> str:
    """The `sub` claim, or a fixed subject where the deployment has no authorizer (development only)."""
    if not authenticated:
        return ANONYMOUS
    authorizer = event["requestContext"].get("authorizer") or {}
    subject = authorizer.get("jwt", {}).get("claims", {}).get("sub")
    if isinstance(subject, str) and subject:
        return subject
    raise ApiError(
        status=401,
        code="missing_claim",
        message="The access token names no subject: its `sub` claim is missing. Sign in again and send that token.",
    )
