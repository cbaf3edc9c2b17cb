"""Twilio: signed forms in, TwiML out, and the Calls resource.

Its media streams drop the query of their URL, so a call gets the relay's URL and not the pre-signed one.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
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
"""How long a caller may take to press a key."""

_CALL_SID = re.compile(r"CA[0-9a-f]{32}")
_WITHHELD = frozenset({"+266696687", "+7378742833", "+2562533", "+8566696687", "+86282452253"})
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a telephone's keys: what Twilio says for a number that a
caller withholds."""

_DIRECTIONS: Mapping[str, Direction] = {"inbound": "inbound", "outbound-api": "outbound"}
_STATUSES: Mapping[str, CallStatus] = {
    "queued": "queued",
    "initiated": "queued",
    "ringing": "ringing",
    "in-progress": "answered",
    "completed": "completed",
    "busy": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
    "canceled": "canceled",
}
_MACHINES: Mapping[str, Machine] = {
    "human": "human",
    "machine_start": "machine",
    "machine_end_beep": "machine",
    "machine_end_silence": "machine",
    "machine_end_other": "machine",
    "fax": "machine",
    "unknown": "unknown",
}
# https://www.twilio.com/docs/api/errors/20404, https://www.twilio.com/docs/api/errors/21220
_NOT_FOUND, _NOT_IN_PROGRESS = 20404, 21220


class Twilio:
    """The interface of `telephony.carrier.Carrier`."""

    name = "twilio"
    secret_fields = ("accountSid", "authToken")

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        """HMAC-SHA1 over the URL and the sorted fields, https://www.twilio.com/docs/usage/webhooks/webhooks-security.

        Twilio is not consistent in whether it signs the URL with its port, so both forms are right, as they are for
        its own libraries. Its signature has no time in it: nothing is ever stale.
        """
        given = request.headers.get("x-twilio-signature")
        if not given:
            raise SignatureError("unsigned")
        fields = "".join(name + value for name, value in sorted(set(form_pairs(request=request))))
        rights = [
            _signature(text=url + fields, token=secret["authToken"]) for url in _with_and_without_port(request.url)
        ]
        if not any(hmac.compare_digest(right, given.encode(errors="replace")) for right in rights):
            raise SignatureError("wrong signature")

    def read(self, *, request: WebhookRequest) -> Webhook:
        """The fields of https://www.twilio.com/docs/voice/twiml#request-parameters and of status callbacks.

        The result of machine detection has only the call's id in it,
        https://www.twilio.com/docs/voice/answering-machine-detection.
        """
        fields = dict(form_pairs(request=request))
        call_id = required(fields, "CallSid")
        if not _CALL_SID.fullmatch(call_id):
            raise MalformedWebhookError("the field CallSid has not the form of a call's id")
        machine = _MACHINES.get(fields.get("AnsweredBy", ""))
        replay_key = request.headers["x-twilio-signature"]
        if request.kind == "machine":
            return Webhook(
                call_id=call_id, direction="outbound", caller="", called="", replay_key=replay_key, machine=machine
            )
        direction = _DIRECTIONS.get(required(fields, "Direction"))
        if direction is None:
            raise MalformedWebhookError("the field Direction is neither inbound nor outbound-api")
        parties = _number(fields.get("From", "")), _number(fields.get("To", ""))
        caller, called = parties if direction == "inbound" else parties[::-1]
        return Webhook(
            call_id=call_id,
            direction=direction,
            caller=caller,
            called=called,
            replay_key=replay_key,
            digit=fields.get("Digits", ""),
            status=_STATUSES.get(fields.get("CallStatus", "")),
            machine=machine,
        )

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        """TwiML, https://www.twilio.com/docs/voice/twiml; what follows `<Connect>` is done when the bot has closed."""
        root = Element("Response")
        for step in plan:
            _add(root, step, context=context)
        return document(root)

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        """Create a call, https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource."""
        fields = {
            "To": order.to,
            "From": order.from_,
            "Url": order.urls["answer"],
            "Method": "POST",
            "TimeLimit": str(order.max_call_seconds),
            "StatusCallback": order.urls["events"],
            "StatusCallbackMethod": "POST",
            "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        }
        if order.machine_detection:
            fields |= {
                "MachineDetection": "Enable",
                "AsyncAmd": "true",
                "AsyncAmdStatusCallback": order.urls["machine"],
                "AsyncAmdStatusCallbackMethod": "POST",
            }
        response = ask_carrier(
            http=http,
            operation="POST /Calls",
            method="POST",
            url=f"{_calls(secret=secret, api_url=api_url)}.json",
            headers=_headers(secret),
            body=urlencode(fields, doseq=True).encode(),
        )
        answer = json_object(response)
        call_id = answer.get("sid")
        if response.status != 201 or not isinstance(call_id, str):
            raise refusal(operation="POST /Calls", response=response, code=answer.get("code"))
        return call_id

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """Complete a call, which takes a ringing one back too, https://www.twilio.com/docs/voice/api/call-resource."""
        response = ask_carrier(
            http=http,
            operation="POST /Calls/{sid}",
            method="POST",
            url=f"{_calls(secret=secret, api_url=api_url)}/{quote(call_id, safe='')}.json",
            headers=_headers(secret),
            body=urlencode({"Status": "completed"}).encode(),
        )
        code = json_object(response).get("code")
        if response.status != 200 and code not in (_NOT_FOUND, _NOT_IN_PROGRESS):
            raise refusal(operation="POST /Calls/{sid}", response=response, code=code)


CARRIER = Twilio()


def _signature(*, text: str, token: str) -> bytes:
    digest = hmac.digest(token.encode(), text.encode(errors="replace"), hashlib.sha1)
    return base64.b64encode(digest)


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host, _, port = parts.netloc.partition(":")
    usual = "443" if parts.scheme == "https" else "80"
    return (
        urlunsplit(parts._replace(netloc=host)),
        urlunsplit(parts._replace(netloc=f"{host}:{port or usual}")),
    )


def _number(written: str) -> str:
    return "" if written in _WITHHELD else e164(written)


def _calls(*, secret: Secret, api_url: str) -> str:
    return f"{api_url}/2010-04-01/Accounts/{quote(secret['accountSid'], safe='')}/Calls"


def _headers(secret: Secret) -> dict[str, str]:
    return {
        "Authorization": basic_authorization(user=secret["accountSid"], password=secret["authToken"]),
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }


def _add(root: Element, step: Step, *, context: CallContext) -> None:
    match step:
        case Say():
            child(root, "Say", {"language": context.language}, text=step.text)
        case Ask():
            # Without actionOnEmptyResult a caller who presses nothing would never come to the next document.
            gather = {"input": "dtmf", "numDigits": "1", "timeout": str(ASK_SECONDS), "actionOnEmptyResult": "true"}
            asked = child(root, "Gather", {**gather, "action": context.urls["consent"], "method": "POST"})
            child(asked, "Say", {"language": context.language}, text=step.question)
        case Record():
            child(child(root, "Start"), "Recording", {"channels": "dual"})
        case Connect():
            child(child(root, "Connect"), "Stream", {"url": step.url})
        case Next():
            child(root, "Redirect", {"method": "POST"}, text=context.urls["next"])
        case Transfer():
            child(child(root, "Dial"), "Sip" if step.target.startswith("sip") else "Number", text=step.target)
        case HangUp():
            child(root, "Hangup")
