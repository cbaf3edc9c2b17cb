"""Plivo: forms signed with a nonce in, Plivo XML out, and the Call API.

https://plivo.com/docs/voice/xml/request, https://plivo.com/docs/voice/api/calls
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlparse
from xml.etree.ElementTree import Element

from shared.call_status import CallStatus
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
from telephony.carriers.rest import ask_carrier, basic_authorization, json_object, refusal
from telephony.carriers.xml import child, document
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer

ASK_SECONDS = 8
"""How long a caller may take to press a key; Plivo takes 5 to 60."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NONCE = "x-plivo-signature-v3-nonce"
_SIGNATURES = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
"""Made with the auth token of the account or subaccount that the number belongs to, and of its main account."""

_DIRECTIONS: Mapping[str, Direction] = {"inbound": "inbound", "outbound": "outbound"}
_STATUSES: Mapping[str, CallStatus] = {
    "ringing": "ringing",
    "in-progress": "answered",
    "completed": "completed",
    "busy": "busy",
    "no-answer": "no-answer",
    "timeout": "no-answer",
    "failed": "failed",
    "cancel": "canceled",
}
_MACHINES: Mapping[str, Machine] = {"true": "machine", "false": "human"}


class Plivo:
    """The interface of `telephony.carrier.Carrier`."""

    name = "plivo"
    secret_fields = ("authId", "authToken")

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        """HMAC-SHA256 over URL, fields and nonce, https://plivo.com/docs/voice/xml/request/validation (V3).

        What exactly is joined is written down in Plivo's libraries only (`plivo.utils.signature_v3`), oddities
        included. A header may hold several signatures. There is no time in it: nothing is ever stale.
        """
        nonce = request.headers.get(_NONCE)
        given = [one for name in _SIGNATURES for one in request.headers.get(name, "").split(",") if one]
        if not nonce or not given:
            raise SignatureError("unsigned")
        text = f"{_signed_text(url=request.url, fields=form_pairs(request=request))}.{nonce}"
        digest = hmac.digest(secret["authToken"].encode(), text.encode(errors="replace"), hashlib.sha256)
        right = base64.b64encode(digest)
        if not any(hmac.compare_digest(right, one.encode(errors="replace")) for one in given):
            raise SignatureError("wrong signature")

    def read(self, *, request: WebhookRequest) -> Webhook:
        """The fields of https://plivo.com/docs/voice/xml/request, in which numbers have no plus."""
        fields = dict(form_pairs(request=request))
        call_id = required(fields, "CallUUID")
        if not _UUID.fullmatch(call_id):
            raise MalformedWebhookError("the field CallUUID has not the form of a call's id")
        direction = _DIRECTIONS.get(required(fields, "Direction"))
        if direction is None:
            raise MalformedWebhookError("the field Direction is neither inbound nor outbound")
        parties = e164(fields.get("From", "")), e164(fields.get("To", ""))
        caller, called = parties if direction == "inbound" else parties[::-1]
        return Webhook(
            call_id=call_id,
            direction=direction,
            caller=caller,
            called=called,
            replay_key=f"{call_id} {request.headers[_NONCE]}",
            digit=fields.get("Digits", ""),
            status=_STATUSES.get(fields.get("CallStatus", "")),
            machine=_MACHINES.get(fields.get("Machine", "").lower()),
        )

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        """Plivo XML, https://plivo.com/docs/voice/xml/overview.

        keepCallAlive keeps what follows a stream until the stream has ended, or could not be opened.
        """
        root = Element("Response")
        for step in plan:
            _add(root, step, context=context)
        return document(root)

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        """Make a call, https://plivo.com/docs/voice/api/call/make-a-call.

        Returns Plivo's id of the request. The webhooks' CallUUID, which names the call, may be another.
        """
        fields = {
            "to": order.to.removeprefix("+"),
            "from": order.from_.removeprefix("+"),
            "time_limit": order.max_call_seconds,
            **_webhook("answer", order.urls["answer"]),
            **_webhook("ring", order.urls["events"]),
            **_webhook("hangup", order.urls["events"]),
        }
        if order.machine_detection:
            fields |= {"machine_detection": "true", **_webhook("machine_detection", order.urls["machine"])}
        response = ask_carrier(
            http=http,
            operation="POST /Call/",
            method="POST",
            url=f"{_account(secret=secret, api_url=api_url)}/Call/",
            headers={**_headers(secret), "Content-Type": "application/json"},
            body=json.dumps(fields).encode(),
        )
        request_id = json_object(response).get("request_uuid")
        if response.status not in (200, 201, 202) or not isinstance(request_id, str):
            raise refusal(response=response, operation="POST /Call/")
        return request_id

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """End a call, or take back one that is not placed yet and of which only the request's id is known.

        https://plivo.com/docs/voice/api/call/hangup-a-call
        """
        if not _UUID.fullmatch(call_id):
            # DELETE /Call/ without an id ends all calls of the account.
            raise ValueError("the id has not the form of a call's")
        for resource in ("Call", "Request"):
            operation = f"DELETE /{resource}/{{id}}/"
            response = ask_carrier(
                http=http,
                operation=operation,
                method="DELETE",
                url=f"{_account(secret=secret, api_url=api_url)}/{resource}/{call_id}/",
                headers=_headers(secret),
                body=b"",
            )
            if response.status == 204:
                return
            if response.status != 404:
                raise refusal(response=response, operation=operation)


CARRIER = Plivo()


def _signed_text(*, url: str, fields: Sequence[tuple[str, str]]) -> str:
    """The URL without its query, the sorted query, and the sorted fields behind a full stop."""
    parts = urlparse(url)
    # Plivo's library takes each byte of the query for a character.
    query = _joined(parse_qsl(parts.query, keep_blank_values=True, encoding="latin-1"), "=", "&")
    before = "?" if query or fields else ""
    between = "." if query and fields else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{before}{query}{between}{_joined(fields, '', '')}"


def _joined(pairs: Sequence[tuple[str, str]], within: str, between: str) -> str:
    return between.join(f"{name}{within}{value}" for name, value in sorted(pairs))


def _webhook(name: str, url: str) -> dict[str, str]:
    return {f"{name}_url": url, f"{name}_method": "POST"}


def _account(*, secret: Secret, api_url: str) -> str:
    return f"{api_url}/v1/Account/{secret['authId']}"


def _headers(secret: Secret) -> dict[str, str]:
    return {
        "Authorization": basic_authorization(user=secret["authId"], password=secret["authToken"]),
        "Accept": "application/json",
    }


def _add(root: Element, step: Step, *, context: CallContext) -> None:
    match step:
        case Say():
            child(root, "Speak", {"language": context.language}, text=step.text)
        case Ask():
            consent = context.urls["consent"]
            asked = {"action": consent, "method": "POST", "inputType": "dtmf", "numDigits": "1"}
            question = child(root, "GetInput", {**asked, "executionTimeout": str(ASK_SECONDS)})
            child(question, "Speak", {"language": context.language}, text=step.question)
            # Where nothing was pressed, Plivo goes on here.
            child(root, "Redirect", {"method": "POST"}, text=consent)
        case Record():
            seconds = {"maxLength": str(context.max_call_seconds)}  # 60 unless told, also for a whole call
            child(root, "Record", {"recordSession": "true", "redirect": "false", **seconds})
        case Connect():
            audio = {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"}
            child(root, "Stream", {**audio, "streamTimeout": str(context.max_call_seconds)}, text=step.url)
        case Next():
            child(root, "Redirect", {"method": "POST"}, text=context.urls["next"])
        case Transfer():
            target = step.target
            child(child(root, "Dial"), "User" if target.startswith("sip") else "Number", text=target.removeprefix("+"))
        case HangUp():
            child(root, "Hangup")
