"""Daily: a call waits, with music, until an agent in a room of its own is ready for it.

Pinless dial-in and SIP interconnect, https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless:
one webhook, `room_creation_api`, tells of a call, and its answer steers nothing. The agent's own events are what tells
how the call goes on, so there is no other webhook.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

from telephony.carrier import (
    DialOrder,
    MalformedWebhookError,
    Secret,
    SignatureError,
    UrlTest,
    Webhook,
    WebhookRequest,
)
from telephony.carriers.form import e164, required

MAX_AGE_SECONDS = 300
"""Daily documents no limit; it is the other carriers'."""

_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
# Daily's pages show seconds, and its real webhooks bring milliseconds; the signature covers the digits of either.
_TIMESTAMP = re.compile(r"[0-9]{10}(?:[0-9]{3})?", re.ASCII)
_SECONDS_DIGITS = 10
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Daily:
    """A Daily domain, with this deployment's URL as `room_creation_api` of a number or a SIP interconnect."""

    name: str = "daily"
    secret_fields: tuple[str, ...] = ("apiKey", "domainId", "webhookHmac")

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        """`X-Pinless-Signature` is the HMAC-SHA256 of `X-Pinless-Timestamp`, a dot and the body, in Base64; the key is
        `webhookHmac`, which is Base64 itself. The URL is not signed.

        As Daily's own receivers verify it:
        https://github.com/pipecat-ai/pipecat-examples/tree/main/deployment/pipecat-cloud-daily-pstn-server
        """
        signature, timestamp = _signature(request)
        expected = hmac.digest(_key(secret), timestamp.encode() + b"." + request.body, hashlib.sha256)
        if not hmac.compare_digest(base64.b64encode(expected), signature.encode()):
            raise SignatureError("wrong signature")
        if abs(request.received_at - _seconds(timestamp)) > MAX_AGE_SECONDS:
            raise SignatureError("stale")

    def read(self, *, request: WebhookRequest) -> Webhook | UrlTest:
        """A call that waits; or, when the URL is configured, a test of it.

        One call has one webhook, so its id is what may not come twice, in whichever second it is signed.
        """
        found = _object(request)
        if _is_test(found):
            return UrlTest(replay_key=_signature(request)[0])
        # An object among them, `sipHeaders`, comes with a SIP interconnect and is not read.
        fields = {name: value for name, value in found.items() if isinstance(value, str)}
        call_id, domain = _id(fields, "callId"), _id(fields, "callDomain")
        return Webhook(
            call_id=call_id,
            direction="inbound",
            caller=e164(fields.get("From", "")),
            called=e164(fields.get("To", "")),
            replay_key=f"{domain} {call_id}",
            domain=domain,
        )

    def answered(self, *, webhook: Webhook, transfer_to: str) -> dict[str, object]:
        """What Daily wants back once the room's SIP address is ready: pinlessCallUpdate has `callId` and `callDomain`.

        https://docs.daily.co/reference/rest-api/dial-in/pinless-update
        """
        return {
            "direction": "inbound",
            "callId": webhook.call_id,
            "callDomain": webhook.domain,
            "transferTo": transfer_to or None,
        }

    def dialed(self, *, order: DialOrder, transfer_to: str) -> dict[str, object]:
        """What startDialOut takes; its `callerId` is Daily's id of a number that was bought there.

        https://docs.daily.co/reference/rest-api/rooms/dialout/start
        """
        return {
            "direction": "outbound",
            "call": order.call,
            "number": order.to,
            "callerId": order.from_,
            "transferTo": transfer_to or None,
            "machineDetection": order.machine_detection,
        }


CARRIER = Daily()


def _signature(request: WebhookRequest) -> tuple[str, str]:
    """The signature and the time that it covers, as they are written."""
    signature, timestamp = (request.headers.get(f"x-pinless-{name}") for name in ("signature", "timestamp"))
    if not signature or not timestamp:
        raise SignatureError("unsigned")
    if not _SIGNATURE.fullmatch(signature) or not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError("malformed")
    return signature, timestamp


def _key(secret: Secret) -> bytes:
    """The bytes that `webhookHmac` writes; what writes none fits no webhook."""
    try:
        key = base64.b64decode(secret["webhookHmac"].strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise SignatureError("wrong signature")
    return key


def _seconds(timestamp: str) -> float:
    return int(timestamp) / (1 if len(timestamp) == _SECONDS_DIGITS else 1000)


def _object(request: WebhookRequest) -> dict[str, Any]:
    try:
        found: Any = json.loads(request.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MalformedWebhookError("the body is no JSON object")
    return found


def _is_test(found: dict[str, Any]) -> bool:
    """Daily's examples have `{"Test": "test"}` or `{"test": "test"}`, a page of its older documentation has `To` alone.

    https://docs.dailybots.ai/api-reference/endpoint/pinlessDialin
    """
    return "test" in (found.get("Test"), found.get("test")) or set(found) == {"To"}


def _id(fields: dict[str, str], name: str) -> str:
    value = required(fields, name)
    if not _ID.fullmatch(value):
        raise MalformedWebhookError(f"the field {name} has not the form of an id")
    return value
