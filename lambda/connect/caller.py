"""Who calls: the subject of the token that API Gateway's JWT authorizer has already checked."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from connect.errors import ApiError
from connect.session_key import session_key
from connect.settings import Settings
from shared.credentials import Credentials

ANONYMOUS = "anonymous"
# Neither a session id's proof nor a ticket's key is made over a text like this.
_KEY_LABEL = b"switchboard caller"


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


def caller_pseudonym(*, subject: str, settings: Settings, credentials: Credentials) -> str:
    """What the agent may know this caller by: 64 hexadecimal digits, the same in every session of theirs.

    Empty where nothing is to be remembered of them: without memory, and without sign-in, where all are one. Replacing
    the session key makes strangers of all callers. Raises `ApiError` as `session_key` does.
    """
    if not (settings.memory and settings.authenticated):
        return ""
    key = hmac.digest(session_key(settings=settings, credentials=credentials), _KEY_LABEL, hashlib.sha256)
    return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()
