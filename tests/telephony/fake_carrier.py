"""A carrier that doesn't exist: it signs URL, time and body alike, and its documents are the plan itself."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from telephony.carrier import (
    CallContext,
    CarrierError,
    DialOrder,
    Document,
    Http,
    MalformedWebhookError,
    Secret,
    SignatureError,
    Webhook,
    WebhookRequest,
)
from telephony.plan import Step

MAX_AGE_SECONDS = 300


def sign(*, key: str, timestamp: int, url: str, body: bytes) -> dict[str, str]:
    """The headers of a webhook, with names as a carrier may write them."""
    text = f"{timestamp}{url}".encode() + body
    return {"X-Fake-Signature": _mac(key=key, text=text), "X-Fake-Timestamp": str(timestamp)}


def _mac(*, key: str, text: bytes) -> str:
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


@dataclass(kw_only=True)
class FakeCarrier:
    name: str = "vonage"
    secret_fields: tuple[str, ...] = ("signingKey", "account")
    verified: list[Mapping[str, str]] = field(default_factory=list)
    contexts: list[CallContext] = field(default_factory=list)

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        self.verified.append(secret)
        signature, timestamp = (request.headers.get(f"x-fake-{name}", "") for name in ("signature", "timestamp"))
        if not signature:
            raise SignatureError("unsigned")
        if not timestamp.isdigit():
            raise SignatureError("malformed")
        expected = _mac(key=secret["signingKey"], text=f"{timestamp}{request.url}".encode() + request.body)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise SignatureError("wrong signature")
        if abs(request.received_at - int(timestamp)) > MAX_AGE_SECONDS:
            raise SignatureError("stale")

    def read(self, *, request: WebhookRequest) -> Webhook:
        fields: dict[str, Any] = {"direction": "inbound", "caller": "", "called": "", **json.loads(request.body)}
        if "call_id" not in fields:
            raise MalformedWebhookError("call_id is missing")
        return Webhook(replay_key=request.headers["x-fake-signature"], **fields)

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        self.contexts.append(context)
        steps = [{"step": type(step).__name__, **asdict(step)} for step in plan]
        return Document(content_type="application/x-plan+json", body=json.dumps(steps))

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        raise NotImplementedError

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        raise NotImplementedError


@dataclass(kw_only=True)
class RecordingCarrier(FakeCarrier):
    """One whose documents can't record."""

    recorded: list[tuple[str, str, str]] = field(default_factory=list)
    refuses: bool = False

    def start_recording(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        if self.refuses:
            raise CarrierError(status=403, carried_out=False, note="record: HTTP 403")
        self.recorded.append((call_id, secret["account"], api_url))
