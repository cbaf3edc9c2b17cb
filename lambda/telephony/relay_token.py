"""Tokens for the relay: a session, and a minute or so to open it, in one segment of a path.

What the relay reads them by is in `relay/token.py`; a test holds the two together.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time


def relay_token(*, key: str, session_id: str, phone: str, body: str, lifetime_seconds: int) -> str:
    """`base64url(JSON).hex(HMAC-SHA256)`, good for one stream.

    `key` is the relay key; `phone` and `body` are the values of the headers Custom-Phone and Custom-Body, and an empty
    body is left out. `n` makes each token one of its kind, so that the relay can remember which it has seen.
    """
    claims: dict[str, object] = {"s": session_id, "p": phone}
    if body:
        claims["b"] = body
    claims |= {"e": int(time.time()) + lifetime_seconds, "n": secrets.token_hex(8)}
    text = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=")
    return f"{text.decode()}.{hmac.new(key.encode(), text, hashlib.sha256).hexdigest()}"
