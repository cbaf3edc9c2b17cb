"""What a carrier shows to open a stream: a token in the path, minted and signed by the telephony function."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

MAX_SECONDS_AHEAD = 180
"""Tokens are minted for 60 s, and for what is said to the caller before, 60 s at most; the rest is for clocks."""

_FORM = re.compile(r"([A-Za-z0-9_-]{1,6900})\.([0-9a-f]{64})")
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{33,256}")
# AgentCore takes 4 KB a custom header: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-header-allowlist.html
_HEADER = re.compile(r"[A-Za-z0-9_-]{1,4096}")
_NONCE = re.compile(r"[0-9a-f]{16}")

type Reason = Literal["malformed", "wrong signature", "expired", "not yet valid"]


class TokenError(Exception):
    """A token that opens nothing; `reason` is fit for a log."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What a token allows: one stream to this session, with these values of Custom-Phone and Custom-Body.

    `body` is empty where the call has none; `expires` is in epoch seconds; `nonce` is the token's name in the table.
    """

    session_id: str = field(repr=False)
    phone: str = field(repr=False)
    body: str = field(repr=False)
    expires: int
    nonce: str


def open_token(*, text: str, keys: Sequence[bytes], now: float) -> Pass:
    """Check a token against each key, and read it; raises `TokenError`."""
    form = _FORM.fullmatch(text)
    if not form:
        raise TokenError("malformed")
    payload, proof = form.groups()
    proofs = [hmac.new(key, payload.encode(), hashlib.sha256).hexdigest() for key in keys]
    if True not in [hmac.compare_digest(proof, each) for each in proofs]:  # a list, so that all are compared
        raise TokenError("wrong signature")
    opened = _read(payload)
    if opened.expires <= now:
        raise TokenError("expired")
    if opened.expires > now + MAX_SECONDS_AHEAD:
        raise TokenError("not yet valid")
    return opened


def _read(payload: str) -> Pass:
    try:
        fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        opened = Pass(
            session_id=fields["s"], phone=fields["p"], body=fields.get("b", ""), expires=fields["e"], nonce=fields["n"]
        )
        fits = (
            _SESSION_ID.fullmatch(opened.session_id)
            and _HEADER.fullmatch(opened.phone)
            and (opened.body == "" or _HEADER.fullmatch(opened.body))
            and _NONCE.fullmatch(opened.nonce)
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TokenError("malformed") from None
    if not fits or type(opened.expires) is not int:
        raise TokenError("malformed")
    return opened
