"""Vonage: webhooks signed as JSON Web Tokens, calls steered by NCCOs, and audio as 16 kHz PCM over a WebSocket.

https://developer.vonage.com/en/voice/voice-api/webhook-reference,
https://developer.vonage.com/en/voice/voice-api/ncco-reference
"""

import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import jwt

from shared.call_status import CallStatus
from shared.https_request import HttpResponse
from telephony.carrier import (
    CallContext,
    CarrierError,
    DialOrder,
    Direction,
    Document,
    Http,
    Machine,
    MalformedWebhookError,
    Secret,
    SignatureError,
    Webhook,
    WebhookRequest,
)
from telephony.carriers.form import e164
from telephony.carriers.rest import ask_carrier, json_object, refusal
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer

MAX_AGE_SECONDS = 300
MAX_AHEAD_SECONDS = 60
"""How far Vonage's clock may be before ours."""
MAX_TOKEN_CHARACTERS = 4096
TOKEN_SECONDS = 60
"""How long the token of one REST request is good for."""
SECONDS_FOR_A_DIGIT = 10
"""The longest that `input` waits."""
MAX_RINGING_SECONDS = 60

CONTENT_TYPE = "audio/l16;rate=16000"

# The last of a MAC's 43 characters has two bits that say nothing: only one way to write a MAC is right.
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_CALL_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_STATUSES: dict[str, CallStatus] = {
    "started": "queued",
    "ringing": "ringing",
    "answered": "answered",
    "completed": "completed",
    "busy": "busy",
    "timeout": "no-answer",
    "unanswered": "no-answer",
    "cancelled": "canceled",
    "rejected": "failed",
    "failed": "failed",
}
_MACHINES: dict[str, Machine] = {"human": "human", "machine": "machine"}
# Events of legs that a document of ours has added come to this address: a transfer's looks like the call's own.
_ADDED_LEG = "leg=added"
_NOT_A_PHONE = ("ws:", "wss:", "sip:", "sips:")


@dataclass(frozen=True, kw_only=True)
class Vonage:
    """Vonage's Voice API, with an application that has signed webhooks and POST as its methods."""

    name: str = "vonage"
    secret_fields: tuple[str, ...] = ("signatureSecret", "applicationId", "privateKey")

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        """The token proves: `alg` is HS256 and its MAC is of `signatureSecret`; `iss` is Vonage; `application_id` is
        `applicationId`; `payload_hash` is the SHA-256 of the body; `iat` is at most five minutes old; `jti` is there,
        by which `read` tells a replay. The URL is not signed, nor is its query.

        https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks
        """
        claims = _true_claims(token=_token(request), secret=secret["signatureSecret"])
        issued_at, payload_hash = claims.get("iat"), claims.get("payload_hash")
        if not (_is_time(issued_at) and isinstance(payload_hash, str) and claims.get("jti")):
            raise SignatureError("malformed")
        genuine = claims.get("iss") == "Vonage"
        genuine &= _same(claims.get("application_id"), secret["applicationId"])
        genuine &= _same(payload_hash.lower(), hashlib.sha256(request.body).hexdigest())
        if not genuine:
            raise SignatureError("wrong signature")
        _check_time(claims=claims, now=request.received_at)

    def read(self, *, request: WebhookRequest) -> Webhook:
        """The direction of an answer is known by our own `call` in its URL: the body of that webhook has none."""
        fields = _fields(request)
        direction: Direction = "outbound" if "call" in request.query else "inbound"
        ours, others = ("from", "to") if direction == "outbound" else ("to", "from")
        status = str(fields.get("status", ""))
        own = _is_own_leg(fields=fields, query=request.query, direction=direction)
        return Webhook(
            call_id=_call_id(fields=fields, request=request),
            direction=direction,
            caller=_number(fields.get(others)),
            called=_number(fields.get(ours)),
            replay_key=_claims(_token(request))["jti"],
            digit=_digit(fields),
            status=_STATUSES.get(status) if own else None,
            machine=_MACHINES.get(status) if own else None,
        )

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        """An NCCO; a call ends when all its actions are done.

        An empty plan is no NCCO at all, so that what is under way goes on.
        """
        actions = [action for step in plan for action in _actions(step=step, context=context)]
        return Document(content_type="application/json", body=json.dumps(actions) if plan else "")

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        """POST /v1/calls. Answering machines are reported among the events: there is one URL for both.

        https://developer.vonage.com/en/api/voice#createCall
        """
        call: dict[str, Any] = {
            "to": [{"type": "phone", "number": _digits(order.to)}],
            "from": {"type": "phone", "number": _digits(order.from_)},
            "answer_url": [order.urls["answer"]],
            "answer_method": "POST",
            "event_url": [order.urls["events"]],
            "event_method": "POST",
            "length_timer": order.max_call_seconds,
            "ringing_timer": MAX_RINGING_SECONDS,
        }
        if order.machine_detection:
            call["advanced_machine_detection"] = {"behavior": "continue", "mode": "detect"}
        response = _ask(
            operation="dial", method="POST", url=f"{api_url}/v1/calls", payload=call, secret=secret, http=http
        )
        call_id = json_object(response).get("uuid")
        if response.status not in (200, 201) or not (isinstance(call_id, str) and _CALL_ID.fullmatch(call_id)):
            raise refusal(operation="dial", response=response)
        return call_id

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """PUT /v1/calls/{uuid}; https://developer.vonage.com/en/api/voice#updateCall."""
        url = f"{api_url}/v1/calls/{quote(call_id, safe='')}"
        response = _ask(
            operation="hang up", method="PUT", url=url, payload={"action": "hangup"}, secret=secret, http=http
        )
        if response.status not in (200, 204, 404):
            raise refusal(operation="hang up", response=response)


CARRIER = Vonage()


def _token(request: WebhookRequest) -> str:
    header = request.headers.get("authorization")
    if not header:
        raise SignatureError("unsigned")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or len(token) > MAX_TOKEN_CHARACTERS or not _TOKEN.fullmatch(token):
        raise SignatureError("malformed")
    return token


def _true_claims(*, token: str, secret: str) -> dict[str, Any]:
    """The claims under a MAC of this secret. Times are compared afterwards, with the time at which the request came."""
    try:
        return _claims(token, key=secret, verify=True)
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
        raise SignatureError("wrong signature") from None
    except jwt.PyJWTError:
        raise SignatureError("malformed") from None


def _claims(token: str, *, key: str = "", verify: bool = False) -> dict[str, Any]:
    unchecked = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
    options: Any = {"verify_signature": verify, **unchecked}
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], options=options)
    return claims


def _check_time(*, claims: Mapping[str, Any], now: float) -> None:
    expires, begins = claims.get("exp", now + 1), claims.get("nbf", now)
    if not (_is_time(expires) and _is_time(begins)):
        raise SignatureError("malformed")
    if not -MAX_AHEAD_SECONDS <= now - claims["iat"] <= MAX_AGE_SECONDS or expires <= now or begins > now:
        raise SignatureError("stale")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float)


def _same(got: object, expected: str) -> bool:
    return isinstance(got, str) and hmac.compare_digest(got.encode(errors="replace"), expected.encode())


def _fields(request: WebhookRequest) -> dict[str, Any]:
    """The body's fields; what we gave a `notify` to carry may come back alone, or with the call's fields around it."""
    try:
        fields = json.loads(request.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise MalformedWebhookError("the body is not a JSON object")
    carried = fields.get("payload")
    return fields | carried if request.kind == "next" and isinstance(carried, dict) else fields


def _call_id(*, fields: Mapping[str, Any], request: WebhookRequest) -> str:
    """The leg's id; machine detection names it otherwise, and recordings and errors have the conversation's alone."""
    names = ("uuid",) if request.kind in ("answer", "consent", "next") else ("uuid", "call_uuid", "conversation_uuid")
    call_id = next((fields[name] for name in names if name in fields), None)
    if not (isinstance(call_id, str) and _CALL_ID.fullmatch(call_id)):
        raise MalformedWebhookError(f"{' or '.join(names)} is missing or has not the form of an id")
    return call_id


def _is_own_leg(*, fields: Mapping[str, Any], query: Mapping[str, str], direction: Direction) -> bool:
    """Whether an event is of the phone that the call is with: the WebSocket and a transfer are legs with events too."""
    if query.get("leg") or str(fields.get("to", "")).startswith(_NOT_A_PHONE):
        return False
    return bool(fields.get("direction", direction) == direction)


def _number(written: object) -> str:
    """Vonage writes numbers without a plus; whoever withholds theirs has a word instead."""
    return e164(written) if isinstance(written, str) else ""


def _digits(number: str) -> str:
    return number.removeprefix("+")


def _digit(fields: Mapping[str, Any]) -> str:
    dtmf = fields.get("dtmf")
    digits = dtmf.get("digits") if isinstance(dtmf, dict) else dtmf
    return digits if isinstance(digits, str) else ""


def _actions(*, step: Step, context: CallContext) -> list[dict[str, Any]]:
    match step:
        case Say():
            return [_talk(text=step.text, context=context)]
        case Ask():
            dtmf = {"maxDigits": 1, "timeOut": SECONDS_FOR_A_DIGIT}
            asked = {"action": "input", "type": ["dtmf"], "dtmf": dtmf, **_webhook(context.urls["consent"])}
            return [{**_talk(text=step.question, context=context), "bargeIn": True}, asked]
        case Record():
            return [{"action": "record", "split": "conversation", **_webhook(context.urls["events"])}]
        case Connect():
            socket = {"type": "websocket", "uri": step.url, "content-type": CONTENT_TYPE}
            return [_connect(endpoint=socket, context=context)]
        case Next():
            return [{"action": "notify", "payload": {"uuid": context.call_id}, **_webhook(context.urls["next"])}]
        case Transfer():
            # The number on the display must be one of the application's; which one, Vonage knows.
            return [{**_connect(endpoint=_endpoint(step.target), context=context), "randomFromNumber": True}]
        case HangUp():
            return []


def _talk(*, text: str, context: CallContext) -> dict[str, Any]:
    return {"action": "talk", "text": text, "language": context.language}


def _connect(*, endpoint: Mapping[str, str], context: CallContext) -> dict[str, Any]:
    events = context.urls["events"]
    added = f"{events}{'&' if '?' in events else '?'}{_ADDED_LEG}"
    return {"action": "connect", "endpoint": [endpoint], "limit": context.max_call_seconds, **_webhook(added)}


def _endpoint(target: str) -> dict[str, str]:
    if target.startswith("sip:"):
        return {"type": "sip", "uri": target}
    return {"type": "phone", "number": _digits(target)}


def _webhook(url: str) -> dict[str, Any]:
    return {"eventUrl": [url], "eventMethod": "POST"}


def _ask(
    *, operation: str, method: str, url: str, payload: Mapping[str, Any], secret: Secret, http: Http
) -> HttpResponse:
    """One REST request, with a token of its own."""
    return ask_carrier(
        http=http,
        operation=operation,
        method=method,
        url=url,
        headers={"Authorization": f"Bearer {_request_token(secret)}", "Content-Type": "application/json"},
        body=json.dumps(payload).encode(),
    )


def _request_token(secret: Secret) -> str:
    """https://developer.vonage.com/en/getting-started/concepts/authentication."""
    now = int(time.time())
    claims = {
        "application_id": secret["applicationId"],
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": str(uuid.uuid4()),
    }
    try:
        return jwt.encode(claims, secret["privateKey"], algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        note = "the secret's privateKey is not an RSA private key in PEM"
        raise CarrierError(status=0, carried_out=False, note=note) from None
