"""Telnyx: forms signed with Ed25519, calls steered by TeXML, and audio as μ-law over a WebSocket.

TeXML does all but one thing: it can't record a call beside a stream. `<Record>` holds the document up until it ends,
and `<Start>` knows no recording, so it is asked for through the REST API of the same call,
https://developers.telnyx.com/docs/voice/texml/rest-api/recordings.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.call_status import CallStatus
from shared.https_request import HttpResponse
from telephony.carrier import (
    CallContext,
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
from telephony.carriers.form import e164, form_pairs, required
from telephony.carriers.rest import ask_carrier, json_object, refusal
from telephony.carriers.xml import child, document
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer

MAX_AGE_SECONDS = 300
"""As long as in Telnyx's own libraries."""
SECONDS_FOR_A_DIGIT = 10
MAX_RINGING_SECONDS = 60

_CALL_ID = re.compile(r"[A-Za-z0-9:_-]{1,128}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_STATUSES: Mapping[str, CallStatus] = {
    "queued": "queued",
    "initiated": "queued",
    "ringing": "ringing",
    "in-progress": "answered",
    "answered": "answered",
    "completed": "completed",
    "busy": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
    "canceled": "canceled",
}
_MACHINES: Mapping[str, Machine] = {
    "human": "human",
    "machine": "machine",
    "machine_start": "machine",
    "machine_end_beep": "machine",
    "machine_end_silence": "machine",
    "machine_end_other": "machine",
    "fax": "machine",
    "unknown": "unknown",
    "not_sure": "unknown",
}
_ALREADY_ENDED = 90018
"""https://developers.telnyx.com/development/api-fundamentals/api-errors."""


@dataclass(frozen=True, kw_only=True)
class Telnyx:
    """Telnyx's TeXML, with an application whose webhooks are POST."""

    name: str = "telnyx"
    secret_fields: tuple[str, ...] = ("publicKey", "apiKey", "accountSid", "applicationId")

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        """The signature proves the body and `telnyx-timestamp`, which is at most five minutes from now, under the
        account's `publicKey`. The URL is not signed, nor is its query.

        https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks
        """
        signature, timestamp = _signature(request)
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(secret["publicKey"], validate=True))
            key.verify(signature, _signed(timestamp=timestamp, body=request.body))
        except (InvalidSignature, binascii.Error, ValueError):
            raise SignatureError("wrong signature") from None
        if abs(request.received_at - int(timestamp)) > MAX_AGE_SECONDS:
            raise SignatureError("stale")

    def read(self, *, request: WebhookRequest) -> Webhook:
        """The fields of https://developers.telnyx.com/docs/voice/programmable-voice/texml-instruction-fetching.

        The direction is known by our own `call` in the URL: no field tells it. `ParentCallSid` marks a transfer's leg.
        """
        try:
            fields = dict(form_pairs(request=request))
        except SignatureError:
            raise MalformedWebhookError("the body is not a form") from None
        call_id = required(fields, "CallSid")
        if not _CALL_ID.fullmatch(call_id):
            raise MalformedWebhookError("the field CallSid has not the form of a call's id")
        direction: Direction = "outbound" if "call" in request.query else "inbound"
        ours, others = ("From", "To") if direction == "outbound" else ("To", "From")
        own = not fields.get("ParentCallSid")
        return Webhook(
            call_id=call_id,
            direction=direction,
            caller=e164(fields.get(others, "")),
            called=e164(fields.get(ours, "")),
            replay_key=_replay_key(request),
            digit=fields.get("Digits", ""),
            status=_STATUSES.get(fields.get("CallStatus", "")) if own else None,
            machine=_MACHINES.get(fields.get("AnsweredBy", "")) if own else None,
        )

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        """TeXML, https://developers.telnyx.com/docs/voice/programmable-voice/texml-fundamentals.

        What follows `<Connect>` is done when the stream has ended; `Record` is `start_recording`'s.
        """
        root = Element("Response")
        for step in plan:
            _add(root, step, context=context)
        return document(root)

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        """Create a call, https://developers.telnyx.com/api-reference/texml-rest-commands/initiate-an-outbound-call."""
        call: dict[str, Any] = {
            "ApplicationSid": secret["applicationId"],
            "To": order.to,
            "From": order.from_,
            "Url": order.urls["answer"],
            "UrlMethod": "POST",
            "StatusCallback": order.urls["events"],
            "StatusCallbackMethod": "POST",
            "StatusCallbackEvent": "initiated ringing answered completed",
            "TimeLimit": order.max_call_seconds,
            "Timeout": MAX_RINGING_SECONDS,
        }
        if order.machine_detection:
            call |= {
                "MachineDetection": "Enable",
                "AsyncAmd": True,
                "AsyncAmdStatusCallback": order.urls["machine"],
                "AsyncAmdStatusCallbackMethod": "POST",
            }
        url = f"{api_url}/v2/texml/Accounts/{quote(secret['accountSid'], safe='')}/Calls"
        body = json.dumps(call).encode()
        response = _ask(operation="dial", url=url, content_type="application/json", body=body, secret=secret, http=http)
        call_id = _id_in(json_object(response))
        if response.status not in (200, 201) or not call_id:
            raise refusal(operation="dial", response=response, code=_error_code(response))
        return call_id

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """Complete a call, https://developers.telnyx.com/api-reference/texml-rest-commands/update-call."""
        response = _of_call(
            operation="hang up",
            path="",
            fields={"Status": "completed"},
            call_id=call_id,
            secret=secret,
            http=http,
            api_url=api_url,
        )
        code = _error_code(response)
        if response.status not in (200, 404) and code != _ALREADY_ENDED:
            raise refusal(operation="hang up", response=response, code=code)

    def start_recording(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """Record both sides from now on; Telnyx keeps the recording.

        https://developers.telnyx.com/api-reference/texml-rest-commands/request-recording-for-a-call. Raises
        `CarrierError`.
        """
        fields = {"PlayBeep": "false", "RecordingChannels": "dual", "RecordingTrack": "both"}
        response = _of_call(
            operation="record",
            path="/Recordings.json",
            fields=fields,
            call_id=call_id,
            secret=secret,
            http=http,
            api_url=api_url,
        )
        if response.status not in (200, 201):
            raise refusal(operation="record", response=response, code=_error_code(response))


CARRIER = Telnyx()


def _signature(request: WebhookRequest) -> tuple[bytes, str]:
    """The signature and the time that it covers."""
    text, timestamp = (request.headers.get(name) for name in ("telnyx-signature-ed25519", "telnyx-timestamp"))
    if not text or not timestamp:
        raise SignatureError("unsigned")
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError:
        raise SignatureError("malformed") from None
    # The last character of 64 bytes in base64 has four bits that say nothing: only one way to write them is right.
    if len(signature) != 64 or base64.b64encode(signature).decode() != text or not _SECONDS.fullmatch(timestamp):
        raise SignatureError("malformed")
    return signature, timestamp


def _replay_key(request: WebhookRequest) -> str:
    """What was signed, and where it was sent: the requests for a call's first document and for its next have the same
    body, and within one second, as when a stream can't be opened, the same signature.
    """
    _, timestamp = _signature(request)
    signed = _signed(timestamp=timestamp, body=request.body)
    return hashlib.sha256(request.kind.encode() + b"|" + signed).hexdigest()


def _signed(*, timestamp: str, body: bytes) -> bytes:
    return timestamp.encode() + b"|" + body


def _add(root: Element, step: Step, *, context: CallContext) -> None:
    match step:
        case Say():
            _say(root, text=step.text, context=context)
        case Ask():
            asked = child(
                root,
                "Gather",
                {
                    "input": "dtmf",
                    "numDigits": "1",
                    "timeout": str(SECONDS_FOR_A_DIGIT),
                    "action": context.urls["consent"],
                },
            )
            _say(asked, text=step.question, context=context)
            # Nothing says that an action is asked after silence too.
            child(root, "Redirect", {"method": "POST"}, text=context.urls["consent"])
        case Record():
            pass
        case Connect():
            stream = {
                "url": step.url,
                "track": "inbound_track",
                "codec": "PCMU",
                "bidirectionalMode": "rtp",
                "bidirectionalCodec": "PCMU",
                # A bot that closes its stream is done: it is not to be called once more.
                "enableReconnect": "false",
            }
            child(child(root, "Connect"), "Stream", stream)
        case Next():
            child(root, "Redirect", {"method": "POST"}, text=context.urls["next"])
        case Transfer():
            dial = child(root, "Dial", {"timeLimit": str(max(context.max_call_seconds, 60))})
            child(dial, "Sip" if step.target.startswith("sip:") else "Number", text=step.target)
        case HangUp():
            child(root, "Hangup")


def _say(parent: Element, *, text: str, context: CallContext) -> None:
    """`alice` is the voice that speaks the language it is given; the default one speaks American English only."""
    child(parent, "Say", {"voice": "alice", "language": context.language}, text=text)


def _of_call(
    *, operation: str, path: str, fields: Mapping[str, str], call_id: str, secret: Secret, http: Http, api_url: str
) -> HttpResponse:
    account, call = (quote(part, safe="") for part in (secret["accountSid"], call_id))
    return _ask(
        operation=operation,
        url=f"{api_url}/v2/texml/Accounts/{account}/Calls/{call}{path}",
        content_type="application/x-www-form-urlencoded",
        body=urlencode(fields).encode(),
        secret=secret,
        http=http,
    )


def _ask(*, operation: str, url: str, content_type: str, body: bytes, secret: Secret, http: Http) -> HttpResponse:
    headers = {"Authorization": f"Bearer {secret['apiKey']}", "Content-Type": content_type}
    return ask_carrier(http=http, operation=operation, method="POST", url=url, headers=headers, body=body)


def _id_in(answer: Mapping[str, Any]) -> str:
    """The new call's id: the reference of this operation names none, its neighbours call it `sid` and `call_sid`."""
    found = next((answer[name] for name in ("sid", "call_sid") if name in answer), "")
    return found if isinstance(found, str) and _CALL_ID.fullmatch(found) else ""


def _error_code(response: HttpResponse) -> int | None:
    """https://developers.telnyx.com/development/api-fundamentals/api-errors."""
    errors = json_object(response).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return int(code) if isinstance(code, str) and re.fullmatch(r"[0-9]{1,9}", code) else None
