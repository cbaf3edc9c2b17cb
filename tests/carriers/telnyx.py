"""A stand-in for Telnyx: TeXML, media streaming, webhooks signed with Ed25519, and the TeXML REST API.

Built from https://developers.telnyx.com/docs/voice/programmable-voice/texml-fundamentals and the pages of its verbs,
https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming,
https://developers.telnyx.com/docs/voice/programmable-voice/texml-answering-machine,
https://developers.telnyx.com/api-reference/callbacks/texml-call-completed and its neighbours,
https://developers.telnyx.com/api-reference/texml-rest-commands/initiate-an-outbound-call,
https://developers.telnyx.com/api-reference/texml-rest-commands/update-call and
https://developers.telnyx.com/api-reference/texml-rest-commands/request-recording-for-a-call.

Where the documentation says nothing it is strict: `<Gather>` asks its action after a key only, a transfer's own events
go where the call's go, and attributes and parameters that it does not list are refused. That the answer to a new call
has its `sid` is not in the reference of the operation; it is in its neighbours'.

It proves nothing about sound on the way to a real telephone, how long an announcement takes, how long a URL may be that
Telnyx connects to, what it sends again, the order of its webhooks, `TimeLimit`, `Timeout`, prices and quotas. Machine
detection says what the test says, and once the stream is open.
"""

import base64
import binascii
import json
import re
import secrets
import ssl
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

from aiohttp import web
from nacl.signing import SigningKey

from tests.carriers.line import PhoneLine, Status
from tests.carriers.media import MediaStream, MisuseError, Resolver, ulaw_decode, ulaw_encode
from tests.carriers.standin import Sent
from tests.carriers.xml_standin import Outcome, XmlStandIn

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
STATUSES: Mapping[Status, str] = {"queued": "initiated", "answered": "in-progress"}
EVENTS = ("initiated", "ringing", "answered", "completed")
MEDIA_BYTES = range(160, 240_001)
"""Of one message, in μ-law: 20 ms to 30 s."""

ATTRIBUTES: Mapping[tuple[str, str], set[str]] = {
    ("Response", "Say"): {"voice", "language", "loop"},
    ("Gather", "Say"): {"voice", "language", "loop"},
    ("Response", "Gather"): {
        *("action", "timeout", "input", "finishOnKey", "numDigits", "validDigits", "minDigits", "maxDigits"),
    },
    ("Response", "Connect"): set(),
    ("Connect", "Stream"): {
        *("url", "track", "name", "codec", "bidirectionalMode", "bidirectionalCodec", "bidirectionalSamplingRate"),
        "enableReconnect",
    },
    ("Response", "Redirect"): {"method"},
    ("Response", "Dial"): {"callerId", "fromDisplayName", "hangupOnStar", "timeout", "timeLimit", "ringTone"},
    ("Dial", "Number"): {"sendDigits"},
    ("Dial", "Sip"): {"username", "password"},
    ("Response", "Hangup"): set(),
}
AUDIO = {"codec": "PCMU", "bidirectionalMode": "rtp", "bidirectionalCodec": "PCMU"}
CALL_PARAMETERS = {
    *("ApplicationSid", "To", "From", "CallerId", "Url", "UrlMethod", "FallbackUrl", "StatusCallback"),
    *("StatusCallbackMethod", "StatusCallbackEvent", "MachineDetection", "DetectionMode", "AsyncAmd"),
    *("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", "TimeLimit", "Timeout", "PreferredCodecs"),
}
RECORDING_PARAMETERS = {
    *("PlayBeep", "RecordingChannels", "RecordingTrack", "RecordingStatusCallback", "RecordingStatusCallbackEvent"),
    *("RecordingStatusCallbackMethod", "SendRecordingUrl"),
}


def new_account() -> dict[str, str]:
    """A fresh customer's account; `signingKey` is what Telnyx alone knows of it."""
    key = SigningKey.generate()
    return {
        "publicKey": base64.b64encode(bytes(key.verify_key)).decode(),
        "signingKey": base64.b64encode(bytes(key)).decode(),
        "apiKey": f"KEY{secrets.token_hex(16).upper()}_{secrets.token_urlsafe(16)}",
        "accountSid": str(uuid.uuid4()),
        "applicationId": str(1_000_000_000_000_000_000 + secrets.randbelow(10**18)),
    }


class TelnyxStream(MediaStream):
    """https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming."""

    def __init__(
        self,
        *,
        url: str,
        resolver: Resolver,
        trust: ssl.SSLContext | None,
        line: PhoneLine,
        account: Mapping[str, str],
    ) -> None:
        super().__init__(url=url, resolver=resolver, trust=trust, sample_rate=8000, hear=line.hear)
        self.stream_id = str(uuid.uuid4()).upper()
        self._call = {"user_id": account["accountSid"], "call_control_id": line.call_id}
        self._parties = {"from": line.caller, "to": line.called}
        self._sequence = 0
        self._chunks = 0

    async def begin(self) -> None:
        await self.send(json.dumps({"event": "connected", "version": "1.0.0"}))
        await self._say(
            "start",
            start={
                **self._call,
                **self._parties,
                "call_session_id": str(uuid.uuid4()),
                "tags": [],
                "client_state": None,
                "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
            },
        )

    async def _say(self, event: str, **content: Any) -> None:
        self._sequence += 1
        message = {"event": event, "sequence_number": str(self._sequence), **content, "stream_id": self.stream_id}
        await self.send(json.dumps(message))

    async def send_audio(self, pcm: bytes) -> None:
        self._chunks += 1
        media = {"track": "inbound", "chunk": str(self._chunks), "timestamp": str(self._chunks * 20)}
        await self._say("media", media={**media, "payload": base64.b64encode(ulaw_encode(pcm)).decode()})

    async def send_digit(self, digit: str) -> None:
        await self._say("dtmf", occurred_at=_now(), dtmf={"digit": digit})

    async def mark_passed(self, name: str) -> None:
        await self._say("mark", mark={"name": name})

    async def finish(self) -> None:
        await self._say("stop", stop=self._call)

    async def receive(self, message: str | bytes) -> None:
        match self._parsed(message):
            case {"event": "media", "media": {"payload": str(payload)}}:
                self.playout.add(ulaw_decode(await self._audio(payload)))
            case {"event": "mark", "mark": {"name": str(name)}} if name:
                self.playout.add(name)
            case {"event": "clear"}:
                self.cleared += 1
                # The marks of what is dropped come back at once.
                for name in self.playout.clear():
                    await self.mark_passed(name)
            case _:
                await self._refuse(100003, "malformed_frame", "Received frame was not formed correctly")

    def _parsed(self, message: str | bytes) -> Any:
        try:
            fields = json.loads(message) if isinstance(message, str) else None
        except ValueError:
            return None
        ours = isinstance(fields, dict) and fields.get("stream_id", self.stream_id) == self.stream_id
        return fields if ours else None

    async def _audio(self, payload: str) -> bytes:
        try:
            ulaw = base64.b64decode(payload, validate=True)
        except binascii.Error:
            ulaw = b""
        if len(ulaw) not in MEDIA_BYTES:
            await self._refuse(100004, "invalid_media", "Media provided was not base64 encoded, or not 20 ms to 30 s")
        return ulaw

    async def _refuse(self, code: int, title: str, detail: str) -> None:
        """Say it to the bot, and end the test's illusion that it would work."""
        await self._say("error", payload={"code": code, "title": title, "detail": detail})
        raise MisuseError(f"{code}: {detail}")


class TelnyxStandIn(XmlStandIn):
    """`account` has publicKey, apiKey, accountSid and applicationId, and the signingKey behind the first."""

    name = "telnyx"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._key = SigningKey(base64.b64decode(self.account["signingKey"]))
        self._orders: dict[str, dict[str, Any]] = {}
        self._sequences: dict[str, int] = {}

    def new_call_id(self) -> str:
        return f"v3:{secrets.token_urlsafe(40)}"

    # Webhooks

    async def _signed(self, url: str, fields: Mapping[str, str]) -> Sent:
        """https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks."""
        if not urlsplit(url).netloc:
            raise MisuseError("a webhook's URL is not absolute")
        body, timestamp = urlencode(fields).encode(), str(int(time.time()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "telnyx-timestamp": timestamp,
            "telnyx-signature-ed25519": base64.b64encode(
                self._key.sign(timestamp.encode() + b"|" + body).signature
            ).decode(),
        }
        return await self.ask(url=url, headers=headers, body=body)

    def _call_fields(self, line: PhoneLine) -> dict[str, str]:
        return {
            "AccountSid": self.account["accountSid"],
            "CallSid": line.call_id,
            "CallSidLegacy": line.call_id,
            "ConnectionId": self.account["applicationId"],
            "From": line.caller or "anonymous",
            "To": line.called,
        }

    async def _instructions(self, line: PhoneLine, url: str, **extra: str) -> Sent:
        about = {
            "CallerId": line.caller or "anonymous",
            "CallingPartyType": "pstn",
            "FromSipUri": f"{line.caller}@10.239.182.10",
            "ToSipUri": f"{line.called}@sip.telnyx.com",
        }
        return await self._signed(url, {**self._call_fields(line), **about, **extra})

    async def ask_answer(self, line: PhoneLine) -> Sent:
        """A call that comes in is answered first, and then its instructions are fetched."""
        if order := self._orders.get(line.call_id):
            return await self._instructions(line, order["Url"])
        await self.report(line, "queued")
        await self.report(line, "answered")
        return await self._instructions(line, self.answer_url)

    async def send_status(self, line: PhoneLine, status: Status) -> None:
        order = self._orders.get(line.call_id)
        event = {"queued": "initiated", "ringing": "ringing", "answered": "answered"}.get(status, "completed")
        url = order.get("StatusCallback", "") if order else self.events_url
        if not url or (order and event not in order.get("StatusCallbackEvent", "completed").split()):
            return
        await self._event(line, url, STATUSES.get(status, status), {})

    async def _event(self, line: PhoneLine, url: str, status: str, changed: Mapping[str, str]) -> None:
        fields = {**self._call_fields(line), **changed}
        number = self._sequences.get(fields["CallSid"], 0)
        self._sequences[fields["CallSid"]] = number + 1
        fields |= {
            "CallStatus": status,
            "CallbackSource": "call-progress-events",
            "CallInitiatedAt": _now(),
            "SequenceNumber": str(number),
            "Timestamp": _now(),
        }
        if status == "completed":
            fields |= {"CallDuration": "1", "HangupCause": "normal_clearing", "HangupSource": "caller"}
        await self._signed(url, fields)

    async def report_machine(self, line: PhoneLine) -> None:
        order = self._orders[line.call_id]
        if order.get("MachineDetection", "Disable") == "Disable":
            return
        await line.until_streaming()
        answered_by = {"human": "human", "machine": "machine_start"}[line.answered_by]
        fields = {
            "AccountSid": self.account["accountSid"],
            "AnsweredBy": answered_by,
            "CallSid": line.call_id,
            "CallSidLegacy": line.call_id,
            "ConnectionId": self.account["applicationId"],
            "MachineDetectionDuration": "2500",
        }
        await self._signed(order["AsyncAmdStatusCallback"], fields)

    # TeXML

    def attributes(self, parent: str, tag: str) -> set[str] | None:
        return ATTRIBUTES.get((parent, tag))

    async def do(self, line: PhoneLine, element: ET.Element) -> Outcome:
        match element.tag:
            case "Say":
                _say(line, element)
            case "Gather":
                return await self._gather(line, element)
            case "Connect":
                await self._connect(line, element)
            case "Redirect":
                if element.get("method", "POST") != "POST":
                    raise MisuseError("this stand-in knows no method but POST")
                return await self._instructions(line, (element.text or "").strip())
            case "Dial":
                await self._dial(line, element)
            case "Hangup":
                return "hang up"
        return None

    async def _gather(self, line: PhoneLine, element: ET.Element) -> Outcome:
        for spoken in element:
            _say(line, spoken)
        if element.get("input", "dtmf") != "dtmf" or element.get("numDigits") != "1" or not element.get("action"):
            raise MisuseError("this stand-in gathers nothing but one key, for an action")
        wait = int(element.get("timeout", "5"))
        if not 1 <= wait <= 120:
            raise MisuseError("a gather's timeout is not within 1 to 120 s")
        key = await line.key(within=wait)
        return await self._instructions(line, element.get("action", ""), Digits=key) if key else None

    async def _connect(self, line: PhoneLine, element: ET.Element) -> None:
        if [each.tag for each in element] != ["Stream"]:
            raise MisuseError("this stand-in connects to nothing but one stream")
        stream = element[0]
        url = stream.get("url", "")
        if self.refuses_stream(url):
            raise MisuseError("a stream's URL does not begin with wss://")
        if {name: stream.get(name) for name in AUDIO} != AUDIO or stream.get(
            "track", "inbound_track"
        ) != "inbound_track":
            raise MisuseError(f"this stand-in streams nothing but the caller, in {AUDIO}")
        media = TelnyxStream(url=url, resolver=self.connect, trust=self.trust, line=line, account=self.account)
        await self.stream(line, media)
        if not media.failure and stream.get("enableReconnect", "true") != "false":
            raise MisuseError("a bot that closes its stream would be called once more: enableReconnect is not false")

    async def _dial(self, line: PhoneLine, element: ET.Element) -> None:
        target = element[0] if len(element) == 1 else None
        text = (target.text or "").strip() if target is not None else ""
        if target is None or not (E164.fullmatch(text) if target.tag == "Number" else text.startswith("sip:")):
            raise MisuseError("<Dial> holds not exactly one address of its kind")
        if (
            not 60 <= int(element.get("timeLimit", "14400")) <= 14400
            or not 5 <= int(element.get("timeout", "30")) <= 120
        ):
            raise MisuseError("a dial's times are out of their range")
        order = self._orders.get(line.call_id)
        url = order.get("StatusCallback", "") if order else self.events_url
        leg = {"CallSid": self.new_call_id(), "ParentCallSid": line.call_id, "To": text}
        leg["CallSidLegacy"] = leg["CallSid"]
        await self._leg_event(line, url, "initiated", leg)
        try:
            await line.transfer(text)
        finally:
            await self._leg_event(line, url, "completed", leg)

    async def _leg_event(self, line: PhoneLine, url: str, status: str, leg: Mapping[str, str]) -> None:
        """What goes wrong is noted: the call may be ending meanwhile."""
        try:
            await self._event(line, url, status, leg)
        except MisuseError as problem:
            line.problems.append(str(problem))

    # The REST API

    def routes(self) -> list[web.RouteDef]:
        base = f"/v2/texml/Accounts/{self.account['accountSid']}/Calls"
        return [
            web.post(base, self._create),
            web.post(base + "/{sid}", self._update),
            web.post(base + "/{sid}/Recordings.json", self._record),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, content_type="application/json"):
            return refused
        order = json.loads(await request.read())
        if wrong := self._wrong_parameter(order):
            return _error(422, "10015", f"The {wrong} parameter is invalid")
        line = self.new_line(direction="outbound", caller=order["From"], called=order["To"])
        self._orders[line.call_id] = order
        self.dial(line)
        answer = {"sid": line.call_id, "from": line.caller, "to": line.called, "status": "queued"}
        return web.json_response(answer)

    async def _update(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, content_type="application/x-www-form-urlencoded"):
            return refused
        line = self.lines.get(request.match_info["sid"])
        if line is None:
            return _error(404, "10005", "Resource not found")
        if line.ended.is_set():
            return _error(422, "90018", "Call has already ended")
        if await _form(request) != {"Status": "completed"}:
            return _error(422, "10015", "this stand-in knows no update but the completion of a call")
        self.in_background(line.hang_up())
        return web.json_response(
            {"account_sid": self.account["accountSid"], "sid": line.call_id, "status": "completed"}
        )

    async def _record(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, content_type="application/x-www-form-urlencoded"):
            return refused
        line = self.lines.get(request.match_info["sid"])
        if line is None or line.ended.is_set() or not line.answered:
            return _error(404, "10005", "Resource not found")
        fields = await _form(request)
        if set(fields) - RECORDING_PARAMETERS or fields.get("RecordingTrack", "both") != "both":
            return _error(422, "10015", "this stand-in records nothing but both sides")
        line.recorded = True
        return web.json_response(
            {"call_sid": line.call_id, "sid": str(uuid.uuid4()), "source": "StartCallRecordingAPI"}
        )

    def _refused(self, request: web.Request, *, content_type: str) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.account['apiKey']}":
            return _error(401, "10009", "Authentication failed")
        if request.content_type != content_type:
            return _error(415, "10019", "Unsupported media type")
        return None

    def _wrong_parameter(self, order: Mapping[str, Any]) -> str:
        if unknown := sorted(set(order) - CALL_PARAMETERS):
            return unknown[0]
        rules = {
            "ApplicationSid": order.get("ApplicationSid") == self.account["applicationId"],
            "To": E164.fullmatch(str(order.get("To"))),
            "From": E164.fullmatch(str(order.get("From"))),
            "Url": urlsplit(str(order.get("Url"))).netloc,
            "UrlMethod": order.get("UrlMethod") == "POST",
            "StatusCallbackMethod": order.get("StatusCallbackMethod", "POST") == "POST",
            "StatusCallbackEvent": not set(order.get("StatusCallbackEvent", "completed").split()) - set(EVENTS),
            "TimeLimit": 30 <= order.get("TimeLimit", 14400) <= 14400,
            "Timeout": 5 <= order.get("Timeout", 30) <= 120,
            "AsyncAmd": order.get("MachineDetection", "Disable") == "Disable"
            or (order.get("AsyncAmd") is True and order.get("AsyncAmdStatusCallbackMethod") == "POST"),
        }
        return next((name for name, right in rules.items() if not right), "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _say(line: PhoneLine, element: ET.Element) -> None:
    """Only the voice `alice` speaks the language that it is told."""
    if not element.text:
        raise MisuseError("<Say> says nothing")
    if element.get("voice") != "alice" and "language" in element.attrib:
        raise MisuseError("<Say> names a language with a voice that does not look at it")
    line.said.append(element.text)


async def _form(request: web.Request) -> dict[str, str]:
    return dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))


def _error(status: int, code: str, title: str) -> web.Response:
    more = f"https://developers.telnyx.com/docs/overview/errors/{code}"
    errors = [{"code": code, "title": title, "detail": title, "meta": {"url": more}}]
    return web.json_response({"errors": errors}, status=status)
