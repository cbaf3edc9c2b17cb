"""One call for one `Idempotency-Key`, however often its POST /calls comes, and at whatever moment it breaks off.

A key is claimed before anything is dialed: for as long as a request can be at work, and then for a day, once all that
is left is to dial. A function that dies in between leaves a claim that lapses, or a call that nobody dials again.
https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.call_table import CallTable
from shared.errors import RETRY_LATER, ApiError
from telephony.calls.record import DIALING_SECONDS
from telephony.calls.request import CallRequest

KEY_SECONDS = 24 * 3600
"""How long a key stands for its request."""

MAX_KEY_CHARACTERS = 64

# A string of structured fields is quoted, as the draft has it; most clients send the bare value. Both are one key.
_FORM = re.compile(rf'("?)([!#-\[\]-~]{{1,{MAX_KEY_CHARACTERS}}})\1', re.ASCII)


@dataclass(frozen=True, kw_only=True)
class IdempotencyKey:
    """A caller's key as the table has it: nothing there tells the key, the caller or the number.

    `fingerprint` is of the request; `item` is where the key is kept.
    """

    item: str = field(repr=False)
    fingerprint: str = field(repr=False)

    def find(self, *, table: CallTable) -> str:
        """The call that this key stands for, empty where it is new; raises `ApiError` (422) for another request."""
        found = table.get(key=self.item)
        if found is None:
            return ""
        if not hmac.compare_digest(str(found["fingerprint"]), self.fingerprint):
            raise ApiError(
                status=422,
                code="idempotency_key_reused",
                message=(
                    "This Idempotency-Key stands for another request of the last 24 hours; send a new key for a new"
                    " call, and the same request for the same key."
                ),
            )
        return str(found["call"])

    def claim(self, *, call: str, table: CallTable) -> bool:
        """Take the key for this call as long as the request can be at work; of any number at once, one succeeds."""
        return table.put_once(
            key=self.item,
            expires=int(time.time()) + DIALING_SECONDS,
            values={"call": call, "fingerprint": self.fingerprint},
        )

    def keep(self, *, call: str, table: CallTable) -> bool:
        """Hold the claim for a day from now; False where it has lapsed, so that another request may have it."""
        return self._expire(call=call, expires=int(time.time()) + KEY_SECONDS, table=table)

    def release(self, *, call: str, table: CallTable) -> None:
        """Give the key back: this call is known not to have been dialed."""
        self._expire(call=call, expires=int(time.time()), table=table)

    def _expire(self, *, call: str, expires: int, table: CallTable) -> bool:
        return table.update(key=self.item, values={"expires": expires}, one_of={"call": (call,)})


def idempotency_key(*, event: Mapping[str, Any], subject: str, request: CallRequest) -> IdempotencyKey:
    """The key that the request's header names, of this subject's own; raises `ApiError` (400).

    It is required: a client that hasn't thought about what it does after a time-out would dial twice.
    """
    text = event.get("headers", {}).get("idempotency-key", "")
    match = _FORM.fullmatch(text)
    if not match:
        got = f"{len(text)} characters" if text else "none"
        raise ApiError(
            status=400,
            code="invalid_idempotency_key" if text else "missing_idempotency_key",
            message=(
                f"POST /calls needs the header Idempotency-Key; got {got}, allowed are 1 to {MAX_KEY_CHARACTERS}"
                ' visible ASCII characters without " and \\. Make a new one for each call, such as a UUID, and send the'
                " same one when you try the same call again: nobody is dialed twice."
            ),
        )
    owned = json.dumps([subject, match[2]]).encode()
    asked = json.dumps([request.to, request.carrier, request.body]).encode()
    # Without the key, whoever reads the table could find the number by trying them all.
    return IdempotencyKey(
        item=f"key#{hashlib.sha256(owned).hexdigest()}", fingerprint=hmac.new(owned, asked, hashlib.sha256).hexdigest()
    )


def still_at_work() -> ApiError:
    """The first request with this key isn't answered yet."""
    return ApiError(
        status=409,
        code="request_in_progress",
        message="A request with this Idempotency-Key is still at work. Send it again in a moment for its answer.",
        headers=RETRY_LATER,
    )
