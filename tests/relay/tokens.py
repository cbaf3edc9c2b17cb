"""Tokens as the telephony function mints them, written from the contract and with nothing of the relay's."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping

KEY = "k" * 64
OTHER_KEY = "o" * 64
PHONE = base64.urlsafe_b64encode(b'{"carrier":"twilio","direction":"inbound"}').decode().rstrip("=")


def new_session_id() -> str:
    return secrets.token_hex(48)


def fields(*, session_id: str | None = None, seconds: float = 60, body: str = "") -> dict[str, object]:
    members: dict[str, object] = {
        "s": session_id or new_session_id(),
        "p": PHONE,
        "e": int(time.time() + seconds),
        "n": secrets.token_hex(8),
    }
    return members | ({"b": body} if body else {})


def sign(members: Mapping[str, object], *, key: str = KEY) -> str:
    plain = json.dumps(members, separators=(",", ":")).encode()
    return sign_payload(base64.urlsafe_b64encode(plain).decode().rstrip("="), key=key)


def sign_payload(payload: str, *, key: str = KEY) -> str:
    return f"{payload}.{hmac.new(key.encode(), payload.encode(), hashlib.sha256).hexdigest()}"


def mint(*, key: str = KEY, session_id: str | None = None, seconds: float = 60, body: str = "") -> str:
    return sign(fields(session_id=session_id, seconds=seconds, body=body), key=key)
