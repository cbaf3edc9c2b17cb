"""How Daily asks for a room when a number is called: a signed POST.

https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless: base64 of HMAC-SHA256 over the
timestamp, a dot and the body, with the secret decoded from base64. The timestamp's unit isn't documented, and both
seconds and milliseconds have been seen; an account of the stand-in has either.
"""

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Final

import httpx

from local.daily.account import Account, PinlessDialin

TIMEOUT_SECONDS: Final = 30.0


def sign(body: bytes, *, secret: str, timestamp: str) -> dict[str, str]:
    """Return the headers of a signed body; `secret` is in base64."""
    mac = hmac.digest(base64.b64decode(secret), timestamp.encode() + b"." + body, hashlib.sha256)
    return {"X-Pinless-Signature": base64.b64encode(mac).decode(), "X-Pinless-Timestamp": timestamp}


@cache
def _trust() -> ssl.SSLContext:
    """Read the authorities' certificates once: that takes long enough to be heard in a room."""
    return ssl.create_default_context()


async def ask_for_room(account: Account, dialin: PinlessDialin, message: Mapping[str, object]) -> int:
    """Send a webhook and return the answer's status; 0 where nobody answers."""
    body = json.dumps(message, separators=(",", ":")).encode()
    timestamp = str(int(time.time() if account.pinless_seconds else time.time() * 1000))
    headers = {"Content-Type": "application/json", **sign(body, secret=dialin.hmac, timestamp=timestamp)}
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, verify=_trust()) as http:
        try:
            answer = await http.post(dialin.room_creation_api, content=body, headers=headers)
        except httpx.HTTPError:
            return 0
    return answer.status_code
