"""A stand-in for Plivo: Plivo XML, audio streams, signed webhooks and the Call API.

Built from https://plivo.com/docs/voice/xml/request, https://docs.plivo.com/docs/voice/xml/audiostream,
https://plivo.com/docs/voice/audio-streaming/audio-streaming, https://plivo.com/docs/voice/api/call/make-a-call and
https://plivo.com/docs/voice/api/call/asynchronous-machine-detection. Webhooks are signed, and elements and attributes
known, by Plivo's own Python library.

It proves nothing about sound on the way to a real telephone, how long an announcement takes, how long a URL Plivo
takes, what it does with a document or a URL that its documentation does not mention, `time_limit`, `streamTimeout`,
`maxLength`, prices and quotas. A call's id is never its request's, which Plivo leaves open. Machine detection says what
the test says, and once the stream is open. A stream that can't be opened is followed by the next element, as one is
that was disconnected: Plivo's documentation says only the latter.
"""

import base64
import binascii
import inspect
import json
import re
import secrets
import ssl
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

from aiohttp import web
from plivo import plivoxml
from plivo.utils.signature_v3 import construct_post_url, get_signature_v3

from tests.carriers.line import PhoneLine, Status
from tests.carriers.media import MediaStream, MisuseError, Resolver, ulaw_decode, ulaw_encode
from tests.carriers.standin import Sent
from tests.carriers.xml_standin import Outcome, XmlStandIn, camel_case

NUMBER = re.compile(r"[1-9][0-9]{6,14}")
AUDIO = {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"}
CALL_STATUSES: Mapping[Status, str] = {"answered": "in-progress", "no-answer": "no-answer", "canceled": "cancel"}
ORDER = {
    *("from", "to", "answer_url", "answer_method", "ring_url", "ring_method", "hangup_url", "hangup_method"),
    *("fallback_url", "fallback_method", "caller_name", "send_digits", "send_on_preanswer", "time_limit"),
    *("hangup_on_ring", "machine_detection", "machine_detection_time", "machine_detection_url"),
    *("machine_detection_method", "ring_timeout", "parent_call_uuid", "sip_headers"),
}
"""The arguments that https://plivo.com/docs/voice/api/call/make-a-call names."""


def new_account() -> dict[str, str]:
    """A fresh customer's account."""
    auth_id = "MA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(18))
    return {"authId": auth_id, "authToken": secrets.token_hex(20)}


class PlivoStream(MediaStream):
    """https://plivo.com/docs/voice/audio-streaming/audio-streaming."""

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
        self.stream_id = str(uuid.uuid4())
        self._call_id = line.call_id
        self._account = account
        self._sequence = 0
        self._chunks = 0

    async def begin(self) -> None:
        await self._say(
            "start",
            start={
                "callId": self._call_id,
                "streamId": self.stream_id,
                "accountId": self._account["authId"],
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
            },
            extra_headers="{}",
        )

    async def _say(self, event: str, **content: Any) -> None:
        self._sequence += 1
        await self.send(json.dumps({"sequenceNumber": self._sequence, "event": event, **content}))

    async def send_audio(self, pcm: bytes) -> None:
        self._chunks += 1
        payload = base64.b64encode(ulaw_encode(pcm)).decode()
        media = {"track": "inbound", "timestamp": _milliseconds(), "chunk": self._chunks, "payload": payload}
        await self._say("media", streamId=self.stream_id, media=media, extra_headers="{}")

    async def send_digit(self, digit: str) -> None:
        dtmf = {"track": "inbound", "digit": digit, "timestamp": _milliseconds()}
        await self._say("dtmf", streamId=self.stream_id, dtmf=dtmf, extra_headers="{}")

    async def mark_passed(self, name: str) -> None:
        await self._say("playedStream", streamId=self.stream_id, name=name)

    async def finish(self) -> None:
        """Nothing is said: the socket closes."""

    async def receive(self, message: str | bytes) -> None:
        match self._parsed(message):
            case {
                "event": "playAudio",
                "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": str(payload)},
            }:
                self.playout.add(ulaw_decode(_decoded(payload)))
            case {"event": "checkpoint", "name": str(name), "streamId": self.stream_id} if name:
                self.playout.add(name)
            case {"event": "clearAudio", "streamId": self.stream_id}:
                self.cleared += 1
                self.playout.clear()  # its checkpoints are never reached
                await self._say("clearedAudio", streamId=self.stream_id)
            case _:
                raise MisuseError("the bot sent what is neither playAudio, checkpoint nor clearAudio of this stream")

    def _parsed(self, message: str | bytes) -> Any:
        if isinstance(message, bytes):
            raise MisuseError("the bot sent a binary message")
        try:
            return json.loads(message)
        except ValueError as error:
            raise MisuseError("the bot sent what is no JSON") from error


def _milliseconds() -> str:
    return str(time.time_ns() // 1_000_000)


def _decoded(payload: str) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as error:
        raise MisuseError("the bot's audio is no Base64") from error


class PlivoStandIn(XmlStandIn):
    """`account` has authId and authToken."""

    name = "plivo"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._orders: dict[str, dict[str, Any]] = {}
        self._requests: dict[str, str] = {}
        """Call ids by the id of the request that asked for them."""

    def new_call_id(self) -> str:
        return str(uuid.uuid4())

    # Webhooks

    async def _webhook(self, line: PhoneLine, url: str, event: str, status: str, **extra: str) -> Sent:
        if not urlsplit(url).netloc:
            raise MisuseError("a webhook's URL is not fully qualified")
        fields = {
            "CallUUID": line.call_id,
            "From": line.caller.removeprefix("+"),
            "To": line.called.removeprefix("+"),
            "CallStatus": status,
            "Direction": line.direction,
            "Event": event,
            "CallerName": "Zoë & Co",
            "SIP-H-X-Empty": "",
            **extra,
        }
        if order := self._orders.get(line.call_id):
            request_id = order["request_uuid"]
            fields |= {"ALegUUID": line.call_id, "ALegRequestUUID": request_id, "RequestUUID": request_id}
        nonce = "".join(secrets.choice("0123456789") for _ in range(20))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Plivo",
            "X-Plivo-Signature-V3": self._signature(url, fields, nonce),
            "X-Plivo-Signature-Ma-V3": self._signature(url, fields, nonce),
            "X-Plivo-Signature-V3-Nonce": nonce,
        }
        return await self.ask(url=url, headers=headers, body=urlencode(fields).encode())

    def _signature(self, url: str, fields: Mapping[str, str], nonce: str) -> str:
        text = construct_post_url(url, dict(fields)).decode()
        signature: bytes = get_signature_v3(self.account["authToken"].encode(), text, nonce.encode())
        return signature.decode()

    async def ask_answer(self, line: PhoneLine) -> Sent:
        if line.direction == "inbound":
            return await self._webhook(line, self.answer_url, "StartApp", "ringing")
        return await self._webhook(line, self._orders[line.call_id]["answer_url"], "StartApp", "in-progress")

    async def send_status(self, line: PhoneLine, status: Status) -> None:
        """Plivo tells that a phone rings, where this was ordered, and that a call was hung up. No more."""
        order = self._orders.get(line.call_id)
        if status == "ringing" and order and "ring_url" in order:
            await self._webhook(line, order["ring_url"], "Ring", "ringing")
        if status in ("queued", "ringing", "answered"):
            return
        if url := order.get("hangup_url") if order else self.events_url:
            extra = {"HangupCause": "NORMAL_CLEARING", "Duration": "1", "BillDuration": "60"}
            await self._webhook(line, url, "Hangup", CALL_STATUSES.get(status, status), **extra)

    async def report_machine(self, line: PhoneLine) -> None:
        order = self._orders[line.call_id]
        if "machine_detection_url" not in order:
            return
        await line.until_streaming()
        machine = "true" if line.answered_by == "machine" else "false"
        url = order["machine_detection_url"]
        await self._webhook(line, url, "MachineDetection", "in-progress", Machine=machine, IfMachine="continue")

    # Plivo XML

    def attributes(self, parent: str, tag: str) -> set[str] | None:
        if tag not in getattr(plivoxml, f"{parent}Element")._nestable:
            return None
        element = getattr(plivoxml, f"{tag}Element")
        return {camel_case(name) for name in inspect.signature(element).parameters if name != "content"}

    async def do(self, line: PhoneLine, element: ET.Element) -> Outcome:
        match element.tag:
            case "Speak":
                line.said.append(element.text or "")
            case "GetInput":
                return await self._get_input(line, element)
            case "Record":
                self._record(line, element)
            case "Stream":
                await self._stream(line, element)
            case "Redirect":
                return await self._follow(line, (element.text or "").strip(), element.get("method"), "Redirect")
            case "Dial":
                await self._dial(line, element)
            case "Hangup":
                return "hang up"
            case tag:
                raise MisuseError(f"this stand-in does not know <{tag}>")
        return None

    async def _follow(self, line: PhoneLine, url: str, method: str | None, event: str, **extra: str) -> Sent:
        if method not in (None, "POST"):
            raise MisuseError("this stand-in knows no method but POST")
        return await self._webhook(line, url, event, "in-progress", **extra)

    async def _get_input(self, line: PhoneLine, element: ET.Element) -> Outcome:
        for spoken in element:
            line.said.append(spoken.text or "")
        if element.get("inputType") != "dtmf" or element.get("numDigits") != "1":
            raise MisuseError("this stand-in takes nothing but one key")
        seconds = float(element.get("executionTimeout", "15"))
        if not 5 <= seconds <= 60:
            raise MisuseError("executionTimeout is not within 5 to 60")
        if not (key := await line.key(within=seconds)):
            return None
        action = element.get("action", "")
        return await self._follow(line, action, element.get("method"), "GetInput", InputType="dtmf", Digits=key)

    def _record(self, line: PhoneLine, element: ET.Element) -> None:
        if element.get("recordSession") != "true":
            raise MisuseError("this stand-in records nothing but a whole call")
        if int(element.get("maxLength", "60")) <= 60:
            raise MisuseError("this recording would end after a minute")
        line.recorded = True

    async def _stream(self, line: PhoneLine, element: ET.Element) -> None:
        url = (element.text or "").strip()
        if self.refuses_stream(url):
            raise MisuseError("a stream's URL does not begin with wss://")
        if {name: element.get(name) for name in AUDIO} != AUDIO:
            raise MisuseError(f"this stand-in streams nothing but {AUDIO}")
        if int(element.get("streamTimeout", "86400")) <= 0:
            raise MisuseError("streamTimeout is not positive")
        media = PlivoStream(url=url, resolver=self.connect, trust=self.trust, line=line, account=self.account)
        await self.stream(line, media)

    async def _dial(self, line: PhoneLine, element: ET.Element) -> None:
        (target,) = element
        text = (target.text or "").strip()
        if not (NUMBER.fullmatch(text) if target.tag == "Number" else text.startswith("sip:")):
            raise MisuseError(f"<{target.tag}> holds no address of its kind")
        await line.transfer(f"+{text}" if target.tag == "Number" else text)

    # The Call API

    def routes(self) -> list[web.RouteDef]:
        base = f"/v1/Account/{self.account['authId']}"
        return [
            web.post(f"{base}/Call/", self._create),
            web.delete(f"{base}/Call/", self._end_all),
            web.delete(base + "/Call/{id}/", self._end),
            web.delete(base + "/Request/{id}/", self._take_back),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        if not self._authorized(request):
            return _unauthorized()
        if request.content_type != "application/json":
            return _error(400, "this stand-in takes JSON only")
        order = await request.json()
        if reason := _refused_call(order):
            return _error(400, reason)
        line = self.new_line(direction="outbound", caller=f"+{order['from']}", called=f"+{order['to']}")
        order["request_uuid"] = str(uuid.uuid4())
        self._orders[line.call_id] = order
        self._requests[order["request_uuid"]] = line.call_id
        self.dial(line)
        answer = {"message": "call fired", "request_uuid": order["request_uuid"], "api_id": str(uuid.uuid4())}
        return web.json_response(answer, status=201)

    async def _end(self, request: web.Request) -> web.Response:
        return self._ended(request, self.lines.get(request.match_info["id"]))

    async def _take_back(self, request: web.Request) -> web.Response:
        line = self.lines.get(self._requests.get(request.match_info["id"], ""))
        return self._ended(request, None if line is None or line.answered else line)

    def _ended(self, request: web.Request, line: PhoneLine | None) -> web.Response:
        if not self._authorized(request):
            return _unauthorized()
        if line is None or line.ended.is_set():
            return _error(404, "call not found")
        self.in_background(line.hang_up())
        return web.Response(status=204)

    async def _end_all(self, _: web.Request) -> web.Response:
        raise MisuseError("DELETE /Call/ without an id ends every call of the account")

    def _authorized(self, request: web.Request) -> bool:
        pair = f"{self.account['authId']}:{self.account['authToken']}"
        return request.headers.get("Authorization") == f"Basic {base64.b64encode(pair.encode()).decode()}"


def _refused_call(order: Mapping[str, Any]) -> str | None:
    """Why a call isn't placed."""
    if missing := [name for name in ("from", "to", "answer_url") if not order.get(name)]:
        return f"{missing[0]} parameter not present"
    if unknown := sorted(set(order) - ORDER):
        return f"unknown parameters: {', '.join(unknown)}"
    if wrong := [name for name in ("from", "to") if not NUMBER.fullmatch(order[name])]:
        return f"{wrong[0]} parameter is not a number with its country code"
    urls = [value for name, value in order.items() if name.endswith("_url")]
    if not all(urlsplit(url).netloc for url in urls):
        return "a URL is not fully qualified"
    if order.get("machine_detection") not in (None, "true") or not 1 <= int(order.get("time_limit", 14_400)) <= 86_400:
        return "a parameter is out of its range"
    return None


def _unauthorized() -> web.Response:
    return web.Response(status=401, text="Could not verify your access level for that URL.")


def _error(status: int, reason: str) -> web.Response:
    return web.json_response({"api_id": str(uuid.uuid4()), "error": reason}, status=status)
