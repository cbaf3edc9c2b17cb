"""The caller's own JSON, which reaches the agent in a header that the signature of the URL covers."""

import base64
import binascii
import json

from custom_headers import HeaderError

MAX_BYTES = 2_048


class BodyError(HeaderError):
    """The caller's body can't be used."""


def decode_body(header: str | None) -> dict[str, object]:
    """Read base64url of a JSON object, without padding; no header is an empty object. Raises `BodyError`."""
    if not header:
        return {}
    if len(header) * 3 // 4 > MAX_BYTES:
        raise BodyError(f"body: longer than {MAX_BYTES} bytes; send less")
    try:
        body = json.loads(base64.b64decode(header + "=" * (-len(header) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BodyError("body: not base64url of JSON without padding; send such") from error
    if not isinstance(body, dict):
        raise BodyError(f"body: got a JSON {type(body).__name__}; send a JSON object")
    return body
