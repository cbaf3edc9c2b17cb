"""What a caller gives for the agent: a JSON object that must fit into a header."""

import json

from shared.errors import ApiError
from shared.request_body import check_type, invalid_json

MAX_AGENT_BODY_BYTES = 2048
"""AgentCore takes 4 KB a custom header; this much is 2,731 characters in base64url and keeps the URL under 8 KB."""


def agent_body(*, value: object) -> bytes:
    """Compact JSON in UTF-8, empty where there is nothing to hand over; raises `ApiError` (400, 413)."""
    check_type(name="body", value=value, expected=dict)
    if not value:
        return b""
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        # What JSON's grammar allows and no receiver can hold: a number like 1e999, half of a surrogate pair.
        raise invalid_json(reason="body holds a number or a character out of range") from None
    if len(encoded) > MAX_AGENT_BODY_BYTES:
        raise ApiError(
            status=413,
            code="body_too_large",
            message=f"body has {len(encoded)} bytes of compact JSON; at most {MAX_AGENT_BODY_BYTES} are allowed.",
        )
    return encoded
