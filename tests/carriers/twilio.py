"""A stand-in for Twilio: TwiML, Media Streams, signed webhooks and the Calls resource.

Built from https://www.twilio.com/docs/voice/twiml, https://www.twilio.com/docs/voice/media-streams/websocket-messages,
https://www.twilio.com/docs/voice/api/call-resource and https://www.twilio.com/docs/voice/answering-machine-detection.
Webhooks are signed, verbs and attributes known, and parameters of the REST API named by Twilio's own Python library.

It proves nothing about sound on the way to a real telephone, how long an announcement takes, what Twilio does with a
URL or a document that its documentation does not mention, `TimeLimit`, `Timeout`, prices and quotas. Machine detection
says what the test says, and once the stream is open.
"""

import base64
import binascii
import inspect
import json
import re
import secrets
import ssl
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

from aiohttp import web
from twilio.request_validator import RequestValidator
from twilio.rest.api.v2010.account.call import CallContext, CallList
from twilio.twiml import voice_response

from tests.carriers.line import PhoneLine, Status
from tests.carriers.media import MediaStream, MisuseError, Resolver, ulaw_decode, ulaw_encode
from tests.carriers.standin import Sent
from tests.carriers.xml_standin import Outcome, XmlStandIn, camel_case

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
CALL_STATUSES: Mapping[Status, str] = {"queued": "initiated", "answered": "in-progress"}
EVENTS = ("initiated", "ringing", "answered", "completed")
_CONTENT = {"self", "kwargs", "message", "phone_number", "sip_url", "number"}
"""What the library's methods take that stands between the tags."""


def new_account() -> dict[str, str]:
    """A fresh customer's account."""
    return {"accountSid": _sid("AC"), "authToken": secrets.token_hex(16)}


def _sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def _rest_parameters(method: Any) -> set[str]:
    names = set(inspect.signature(method).parameters) - {"self"}
    return {"".join(part.capitalize() for part in name.rstrip("_").split("_")) for name in names}


class TwilioStream(MediaStream):
    """https://www.twilio.com/docs/voice/media-streams/websocket-messages."""

    def __init__(
        self,
        *,
        url: str,
        resolver: Resolver,
        trust: ssl.SSLContext | None,
        line: PhoneLine,
        account: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> None:
        super().__init__(url=url, resolver=resolver, trust=trust, sample_rate=8000, hear=line.hear)
        self.stream_sid = _sid("MZ")
        self._call = {"accountSid": account["accountSid"], "callSid": line.call_id}
        self._parameters = parameters
        self._token = account["authToken"]
        self._sequence = 0
        self._chunks = 0
        self._sent_bytes = 0

    def headers(self) -> Mapping[str, str]:
        return {"X-Twilio-Signature": RequestValidator(self._token).compute_signature(self.url, {})}

    async def begin(self) -> None:
        await self.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await self._say(
            "start",
            start={
                **self._call,
                "streamSid": self.stream_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": dict(self._parameters),
            },
        )

    async def _say(self, event: str, **content: Any) -> None:
        self._sequence += 1
        message = {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self.stream_sid, **content}
        await self.send(json.dumps(message))

    async def send_audio(self, pcm: bytes) -> None:
        payload = ulaw_encode(pcm)
        self._chunks += 1
        timestamp = str(self._sent_bytes // 8)
        self._sent_bytes += len(payload)
        media = {"track": "inbound", "chunk": str(self._chunks), "timestamp": timestamp}
        await self._say("media", media={**media, "payload": base64.b64encode(payload).decode()})

    async def send_digit(self, digit: str) -> None:
        await self._say("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def mark_passed(self, name: str) -> None:
        await self._say("mark", mark={"name": name})

    async def finish(self) -> None:
        await self._say("stop", stop=self._call)

    async def receive(self, message: str | bytes) -> None:
        """https://www.twilio.com/docs/api/errors/31924 is what a wrong message is."""
        match self._parsed(message):
            case {"event": "media", "media": {"payload": str(payload)}}:
                self.playout.add(ulaw_decode(_decoded(payload)))
            case {"event": "mark", "mark": {"name": str(name)}} if name:
                self.playout.add(name)
            case {"event": "clear"}:
                self.cleared += 1
                # The marks of what is dropped come back at once.
                for name in self.playout.clear():
                    await self.mark_passed(name)
            case _:
                raise MisuseError("31924: the bot sent what is neither media, mark nor clear")

    def _parsed(self, message: str | bytes) -> Any:
        if isinstance(message, bytes):
            raise MisuseError("31924: the bot sent a binary message")
        try:
            fields = json.loads(message)
        except ValueError as error:
            raise MisuseError("31924: the bot sent what is no JSON") from error
        if not isinstance(fields, dict) or fields.get("streamSid") != self.stream_sid:
            raise MisuseError("31924: the bot's message is not of this stream")
        return fields


def _decoded(payload: str) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as error:
        raise MisuseError("31924: the bot's audio is no Base64") from error


class TwilioStandIn(XmlStandIn):
    """`account` has accountSid and authToken."""

    name = "twilio"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._orders: dict[str, dict[str, list[str]]] = {}
        self._sequences: dict[str, int] = {}

    def new_call_id(self) -> str:
        return _sid("CA")

    # Webhooks

    async def _webhook(self, line: PhoneLine, url: str, status: str, **extra: str) -> Sent:
        if not urlsplit(url).netloc:
            raise MisuseError("a webhook's URL is not absolute")
        fields = {
            "AccountSid": self.account["accountSid"],
            "ApiVersion": "2010-04-01",
            "CallSid": line.call_id,
            "CallStatus": status,
            "Direction": "inbound" if line.direction == "inbound" else "outbound-api",
            "From": line.caller,
            "To": line.called,
            "Caller": line.caller,
            "Called": line.called,
            "FromCity": "ZÜRICH",
            "FromState": "",
            "ToCountry": "US",
            **extra,
        }
        return await self._signed(url, fields)

    async def _signed(self, url: str, fields: Mapping[str, str]) -> Sent:
        signature = RequestValidator(self.account["authToken"]).compute_signature(url, fields)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
        }
        return await self.ask(url=url, headers=headers, body=urlencode(fields).encode())

    async def ask_answer(self, line: PhoneLine) -> Sent:
        if line.direction == "inbound":
            return await self._webhook(line, self.answer_url, "ringing")
        return await self._webhook(line, self._orders[line.call_id]["Url"][0], "in-progress")

    async def send_status(self, line: PhoneLine, status: Status) -> None:
        """A number's status callback tells only the end of a call, a call's own what was ordered."""
        order = self._orders.get(line.call_id)
        if order is None:
            url, events = self.events_url, ["completed"]
        else:
            url, events = order.get("StatusCallback", [""])[0], order.get("StatusCallbackEvent", ["completed"])
        event = {"queued": "initiated", "ringing": "ringing", "answered": "answered"}.get(status, "completed")
        if not url or event not in events:
            return
        number = self._sequences.get(line.call_id, 0)
        self._sequences[line.call_id] = number + 1
        extra = {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(number),
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        if event == "completed":
            extra |= {"CallDuration": "1", "Duration": "1"}
        await self._webhook(line, url, CALL_STATUSES.get(status, status), **extra)

    async def report_machine(self, line: PhoneLine) -> None:
        order = self._orders[line.call_id]
        if "MachineDetection" not in order:
            return
        await line.until_streaming()
        answered_by = {"human": "human", "machine": "machine_start"}[line.answered_by]
        fields = {
            "AccountSid": self.account["accountSid"],
            "CallSid": line.call_id,
            "AnsweredBy": answered_by,
            "MachineDetectionDuration": "3200",
        }
        await self._signed(order["AsyncAmdStatusCallback"][0], fields)

    # TwiML

    def attributes(self, parent: str, tag: str) -> set[str] | None:
        owner = getattr(voice_response, "VoiceResponse" if parent == "Response" else parent, None)
        method = getattr(owner, tag.lower(), None)
        if method is None or tag != tag.capitalize():
            return None
        content = _CONTENT | ({"url"} if tag == "Redirect" else set())
        return {camel_case(name) for name in inspect.signature(method).parameters if name not in content}

    async def do(self, line: PhoneLine, element: ET.Element) -> Outcome:
        match element.tag:
            case "Say":
                line.said.append(element.text or "")
            case "Gather":
                return await self._gather(line, element)
            case "Start":
                self._start(line, element)
            case "Connect":
                return await self._connect(line, element)
            case "Redirect":
                return await self._follow(line, element.text or "", element.get("method"))
            case "Dial":
                await self._dial(line, element)
            case "Hangup":
                return "hang up"
            case tag:
                raise MisuseError(f"this stand-in does not know <{tag}>")
        return None

    async def _follow(self, line: PhoneLine, url: str, method: str | None, **extra: str) -> Sent:
        if method not in (None, "POST"):
            raise MisuseError("this stand-in knows no method but POST")
        return await self._webhook(line, url, "in-progress", **extra)

    async def _gather(self, line: PhoneLine, element: ET.Element) -> Outcome:
        for spoken in element:
            line.said.append(spoken.text or "")
        if element.get("input") != "dtmf" or element.get("numDigits") != "1":
            raise MisuseError("this stand-in gathers nothing but one key")
        key = await line.key(within=float(element.get("timeout", "5")))
        if not key and element.get("actionOnEmptyResult") != "true":
            return None
        action = element.get("action", "")
        return await self._follow(line, action, element.get("method"), Digits=key, FinishedOnKey="")

    def _start(self, line: PhoneLine, element: ET.Element) -> None:
        if [each.tag for each in element] != ["Recording"]:
            raise MisuseError("this stand-in starts nothing but a recording")
        line.recorded = True

    async def _connect(self, line: PhoneLine, element: ET.Element) -> Outcome:
        if [each.tag for each in element] != ["Stream"]:
            raise MisuseError("this stand-in connects to nothing but one stream")
        stream = element[0]
        parts = urlsplit(stream.get("url", ""))
        if self.refuses_stream(stream.get("url", "")):
            raise MisuseError("31922: a stream's URL does not begin with wss://")
        if parts.query:
            line.problems.append("a stream's URL has a query, which Twilio drops")
        media = TwilioStream(
            url=urlunsplit(parts._replace(query="", fragment="")),
            resolver=self.connect,
            trust=self.trust,
            line=line,
            account=self.account,
            parameters={each.get("name", ""): each.get("value", "") for each in stream},
        )
        await self.stream(line, media)
        action = element.get("action")
        return await self._follow(line, action, element.get("method")) if action else None

    async def _dial(self, line: PhoneLine, element: ET.Element) -> None:
        (target,) = element
        text = (target.text or "").strip()
        if not (E164.fullmatch(text) if target.tag == "Number" else text.startswith(("sip:", "sips:"))):
            raise MisuseError(f"<{target.tag}> holds no address of its kind")
        await line.transfer(text)

    # The Calls resource

    def routes(self) -> list[web.RouteDef]:
        base = f"/2010-04-01/Accounts/{self.account['accountSid']}/Calls"
        return [web.post(f"{base}.json", self._create), web.post(base + "/{sid}.json", self._update)]

    async def _create(self, request: web.Request) -> web.Response:
        fields = await self._form(request)
        if isinstance(fields, web.Response):
            return fields
        if refused := _refused_call(fields):
            return _error(400, *refused)
        line = self.new_line(direction="outbound", caller=fields["From"][0], called=fields["To"][0])
        self._orders[line.call_id] = fields
        self.dial(line)
        return web.json_response(self._resource(line, "queued"), status=201)

    async def _update(self, request: web.Request) -> web.Response:
        fields = await self._form(request)
        if isinstance(fields, web.Response):
            return fields
        line = self.lines.get(request.match_info["sid"])
        if line is None:
            return _error(404, 20404, "The requested resource was not found")
        if line.ended.is_set():
            return _error(400, 21220, "Call is not in-progress. Cannot redirect.")
        if fields != {"Status": ["completed"]}:
            raise MisuseError("this stand-in knows no update but the completion of a call")
        self.in_background(line.hang_up())
        return web.json_response(self._resource(line, "in-progress"))

    async def _form(self, request: web.Request) -> dict[str, list[str]] | web.Response:
        pair = f"{self.account['accountSid']}:{self.account['authToken']}"
        if request.headers.get("Authorization") != f"Basic {base64.b64encode(pair.encode()).decode()}":
            return _error(401, 20003, "Authenticate")
        if request.content_type != "application/x-www-form-urlencoded":
            return _error(415, 20415, "Unsupported Media Type")
        fields: dict[str, list[str]] = {}
        for name, value in parse_qsl((await request.read()).decode(), keep_blank_values=True):
            fields.setdefault(name, []).append(value)
        method = CallContext.update if "sid" in request.match_info else CallList.create
        if unknown := sorted(set(fields) - _rest_parameters(method)):
            return _error(400, 20001, f"Unknown parameters: {', '.join(unknown)}")
        return fields

    def _resource(self, line: PhoneLine, status: str) -> dict[str, object]:
        return {
            "sid": line.call_id,
            "account_sid": self.account["accountSid"],
            "api_version": "2010-04-01",
            "direction": "outbound-api" if line.direction == "outbound" else "inbound",
            "from": line.caller,
            "to": line.called,
            "status": status,
            "uri": f"/2010-04-01/Accounts/{self.account['accountSid']}/Calls/{line.call_id}.json",
        }


def _refused_call(fields: Mapping[str, list[str]]) -> tuple[int, str] | None:
    """Why a call isn't placed: Twilio's code and sentence."""
    for name, missing, wrong in (("To", 21201, 21211), ("From", 21213, 21212)):
        number = fields.get(name, [""])[0]
        if not number:
            return missing, f"No '{name}' number is specified"
        if not E164.fullmatch(number):
            return wrong, f"Invalid '{name}' Phone Number"
    if not urlsplit(fields.get("Url", [""])[0]).netloc:
        return 21205, "Url is not a valid URL"
    if unknown := set(fields.get("StatusCallbackEvent", [])) - set(EVENTS):
        return 21626, f"Invalid status callback events: {', '.join(sorted(unknown))}"
    if "MachineDetection" in fields and (
        fields["MachineDetection"][0] not in ("Enable", "DetectMessageEnd")
        or fields.get("AsyncAmd") != ["true"]
        or not fields.get("AsyncAmdStatusCallback")
    ):
        return 21262, "this stand-in detects machines only beside the call, with a callback"
    if not 1 <= int(fields.get("TimeLimit", ["14400"])[0]) <= 86_400:
        return 21000, "TimeLimit is not within a day"
    return None


def _error(status: int, code: int, message: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return web.json_response({"code": code, "message": message, "more_info": more, "status": status}, status=status)
