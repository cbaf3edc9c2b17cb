"""A stand-in for Vonage: NCCOs, WebSockets, webhooks signed as tokens, and the Voice API's calls.

Built from https://developer.vonage.com/en/voice/voice-api/ncco-reference,
https://developer.vonage.com/en/voice/voice-api/concepts/websockets,
https://developer.vonage.com/en/voice/voice-api/webhook-reference, https://developer.vonage.com/en/api/voice and
https://developer.vonage.com/en/voice/voice-api/concepts/advanced-machine-detection.

The phone, the WebSocket and whoever a call is transferred to are three legs, with an id and events each. Where the
documentation says nothing it is strict: a message of audio has 20 ms, fields that it does not list are refused, and
every call out names a number of the application. A `notify` sends its payload and nothing else.

It proves nothing about sound on the way to a real telephone, how long an announcement takes, how long a URL may be that
Vonage connects to, the 5 s that it waits for an answer, what it repeats and under which token, prices, and quotas.
Machine detection says what the test says, and once the stream is open.
"""

import asyncio
import hashlib
import json
import re
import secrets
import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from switchboard.audio import BotAudio
from tests.carriers.line import PhoneLine, Status
from tests.carriers.media import MediaStream, MisuseError, Resolver
from tests.carriers.standin import CarrierStandIn, Sent

SAMPLE_RATE = 16_000
FRAME_BYTES = 640
BUFFERED_MESSAGES = 3072
"""So much is kept to be played, a minute."""
MAX_DOCUMENTS = 20
MAX_HEADER_BYTES = 512
NUMBER = re.compile(r"[1-9][0-9]{6,14}")
STATUSES: Mapping[Status, str] = {
    "queued": "started",
    "no-answer": "timeout",
    "canceled": "cancelled",
}
FIELDS: Mapping[str, frozenset[str]] = {
    "talk": frozenset({"text", "bargeIn", "loop", "level", "language", "style", "premium"}),
    "input": frozenset({"type", "dtmf", "speech", "eventUrl", "eventMethod"}),
    "record": frozenset(
        {
            *("format", "split", "channels", "endOnSilence", "endOnKey", "timeOut", "beepStart"),
            *("transcription", "eventUrl", "eventMethod"),
        }
    ),
    "connect": frozenset(
        {
            *("endpoint", "from", "randomFromNumber", "eventType", "timeout", "limit", "machineDetection"),
            *("advancedMachineDetection", "eventUrl", "eventMethod", "ringbackTone"),
        }
    ),
    "notify": frozenset({"payload", "eventUrl", "eventMethod"}),
}
ENDPOINT_FIELDS: Mapping[str, frozenset[str]] = {
    "websocket": frozenset({"type", "uri", "content-type", "headers", "authorization"}),
    "phone": frozenset({"type", "number", "dtmfAnswer", "onAnswer"}),
    "sip": frozenset({"type", "uri", "headers", "standardHeaders"}),
}
CALL_FIELDS = frozenset(
    {
        *("to", "from", "random_from_number", "ncco", "answer_url", "answer_method", "event_url", "event_method"),
        *("machine_detection", "advanced_machine_detection", "length_timer", "ringing_timer"),
    }
)

type Ncco = list[dict[str, Any]]
type LegStatus = Literal["started", "ringing", "answered", "disconnected", "completed"]


def new_account() -> dict[str, str]:
    """A fresh customer's account and application."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "signatureSecret": secrets.token_urlsafe(32),
        "applicationId": str(uuid.uuid4()),
        "privateKey": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


class VonageStream(MediaStream):
    """https://developer.vonage.com/en/voice/voice-api/concepts/websockets."""

    def __init__(
        self,
        *,
        url: str,
        resolver: Resolver,
        trust: ssl.SSLContext | None,
        line: PhoneLine,
        metadata: Mapping[str, Any],
    ) -> None:
        super().__init__(url=url, resolver=resolver, trust=trust, sample_rate=SAMPLE_RATE, hear=self._sound)
        self._line = line
        self._metadata = metadata
        self._waiting = 0

    async def begin(self) -> None:
        first = {"event": "websocket:connected", "content-type": f"audio/l16;rate={SAMPLE_RATE}"}
        await self.send(json.dumps({**first, **self._metadata}))

    async def send_audio(self, pcm: bytes) -> None:
        assert len(pcm) == FRAME_BYTES, "a caller speaks 20 ms at a time"
        await self.send(pcm)

    async def send_digit(self, digit: str) -> None:
        await self.send(json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260}))

    async def mark_passed(self, name: str) -> None:
        await self.send(json.dumps({"event": "websocket:notify", "payload": json.loads(name)}))

    async def finish(self) -> None:
        """Vonage closes the WebSocket, and says no more."""

    async def receive(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._queue(message)
            return
        match _json(message):
            case {"action": "clear", **others} if not others:
                self.cleared += 1
                self._waiting = 0
                self.playout.clear()
                await self.send(json.dumps({"event": "websocket:cleared"}))
            case {"action": "notify", "payload": dict(payload), **others} if not others:
                self.playout.add(json.dumps(payload))
            case _:
                raise MisuseError("the bot sent a text that is neither clear nor notify")

    def _queue(self, pcm: bytes) -> None:
        if len(pcm) != FRAME_BYTES:
            raise MisuseError(f"the bot sent {len(pcm)} bytes of audio at once: a message has {FRAME_BYTES}")
        self._waiting += 1
        if self._waiting > BUFFERED_MESSAGES:
            raise MisuseError(f"the bot is more than {BUFFERED_MESSAGES} messages of audio ahead")
        self.playout.add(pcm)

    def _sound(self, audio: BotAudio) -> None:
        self._waiting -= 1
        self._line.hear(audio)


class VonageStandIn(CarrierStandIn):
    """`account` has signatureSecret, applicationId and privateKey."""

    name = "vonage"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        key = load_pem_private_key(self.account["privateKey"].encode(), password=None)
        self._public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self._conversations: dict[str, str] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        self._recordings: dict[str, str] = {}

    def new_call_id(self) -> str:
        return str(uuid.uuid4())

    def new_line(self, *, direction: Any, caller: str, called: str) -> PhoneLine:
        line = super().new_line(direction=direction, caller=caller, called=called)
        line.sample_rate = SAMPLE_RATE
        self._conversations[line.call_id] = f"CON-{uuid.uuid4()}"
        return line

    # Webhooks

    async def _webhook(self, url: str, fields: object) -> Sent:
        """A POST with the token of https://developer.vonage.com/en/getting-started/concepts/webhooks."""
        body = json.dumps(fields).encode()
        claims = {
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "iss": "Vonage",
            "payload_hash": hashlib.sha256(body).hexdigest(),
            "api_key": "a1b2c3d4",
            "application_id": self.account["applicationId"],
        }
        token = jwt.encode(claims, self.account["signatureSecret"], algorithm="HS256")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self.ask(url=url, headers=headers, body=body)

    def _parties(self, line: PhoneLine) -> dict[str, str]:
        return {
            "from": line.caller.removeprefix("+") or "anonymous",
            "to": line.called.removeprefix("+"),
            "conversation_uuid": self._conversations[line.call_id],
        }

    def _events_url(self, line: PhoneLine) -> str:
        order = self._orders.get(line.call_id)
        return str(order["event_url"][0]) if order else self.events_url

    async def ask_answer(self, line: PhoneLine) -> Sent:
        fields = {**self._parties(line), "uuid": line.call_id, "region_url": self.api_url}
        if order := self._orders.get(line.call_id):
            return await self._webhook(order["answer_url"][0], fields)
        await self.send_status(line, "queued")
        await self.send_status(line, "ringing")
        document = await self._webhook(self.answer_url, fields)
        await self.report(line, "answered")
        return document

    async def send_status(self, line: PhoneLine, status: Status) -> None:
        """Events of the phone's leg; a recording is ready when the call is over."""
        fields = {
            **self._parties(line),
            "uuid": line.call_id,
            "status": STATUSES.get(status, status),
            "direction": line.direction,
            "timestamp": _now(),
        }
        if status == "completed":
            fields |= {"duration": "1", "rate": "0.00450000", "price": "0.00015000", "network": "GB-FIXED"}
        await self._webhook(self._events_url(line), fields)
        if status == "completed" and (url := self._recordings.pop(line.call_id, None)):
            await self._webhook(url, self._recording(line))

    def _recording(self, line: PhoneLine) -> dict[str, object]:
        return {
            "start_time": _now(),
            "end_time": _now(),
            "recording_url": f"{self.api_url}/v1/files/{uuid.uuid4()}",
            "recording_uuid": str(uuid.uuid4()),
            "size": 12222,
            "conversation_uuid": self._conversations[line.call_id],
            "timestamp": _now(),
        }

    async def report_machine(self, line: PhoneLine) -> None:
        order = self._orders[line.call_id]
        if not ({"machine_detection", "advanced_machine_detection"} & set(order)):
            return
        await line.until_streaming()
        fields = {**self._parties(line), "call_uuid": line.call_id, "status": line.answered_by, "timestamp": _now()}
        await self._webhook(order["event_url"][0], fields)

    async def _leg_event(self, line: PhoneLine, url: str, leg: Mapping[str, str], status: LegStatus) -> None:
        """An event of a leg that a document has added. What goes wrong is noted: the call may be ending meanwhile."""
        fields = {
            **self._parties(line),
            **leg,
            "status": status,
            "direction": "outbound",
            "timestamp": _now(),
        }
        try:
            await self._webhook(url, fields)
        except MisuseError as problem:
            line.problems.append(str(problem))

    # NCCOs

    async def converse(self, line: PhoneLine, document: Sent) -> None:
        following: Ncco | None = _ncco(document)
        for _ in range(MAX_DOCUMENTS):
            if not following:
                return
            following = await self._carry_out(line, following)
        raise MisuseError(f"more than {MAX_DOCUMENTS} documents")

    async def _carry_out(self, line: PhoneLine, actions: Ncco) -> Ncco | None:
        for action in actions:
            _check_action(action)
        _check_barge_in(actions)
        for action in actions:
            answered = await self._do(line, action)
            # An empty answer means that the document at hand goes on.
            if answered is not None and answered.answer:
                return _ncco(answered)
        return None

    async def _do(self, line: PhoneLine, action: dict[str, Any]) -> Sent | None:
        match action["action"]:
            case "talk":
                line.said.append(_text(action))
            case "record":
                line.recorded = True
                self._recordings[line.call_id] = _event_url(action) or self._events_url(line)
            case "input":
                return await self._input(line, action)
            case "notify":
                if not isinstance(action.get("payload"), dict):
                    raise MisuseError("notify has no payload")
                return await self._webhook(_needed_url(action), action["payload"])
            case "connect":
                return await self._connect(line, action)
        return None

    async def _input(self, line: PhoneLine, action: Mapping[str, Any]) -> Sent:
        settings = action.get("dtmf") or {}
        if action.get("type") != ["dtmf"] or settings.get("maxDigits") != 1:
            raise MisuseError("this stand-in takes in nothing but one key")
        wait = settings.get("timeOut", 3)
        if set(settings) - {"maxDigits", "timeOut", "submitOnHash"} or not 0 <= wait <= 10:
            raise MisuseError("input waits at most 10 s")
        key = await line.key(within=wait)
        dtmf = {"digits": key or None, "timed_out": not key}
        fields = {**self._parties(line), "uuid": line.call_id, "dtmf": dtmf, "speech": {"results": []}}
        return await self._webhook(_needed_url(action), {**fields, "timestamp": _now()})

    async def _connect(self, line: PhoneLine, action: Mapping[str, Any]) -> Sent | None:
        endpoint = _endpoint(action)
        url = _event_url(action) or self._events_url(line)
        if endpoint["type"] == "websocket":
            return await self._stream(line, endpoint, url)
        target = endpoint.get("uri") or f"+{endpoint['number']}"
        leg = {"uuid": self.new_call_id(), "to": target.removeprefix("+")}
        for status in ("started", "ringing", "answered"):
            await self._leg_event(line, url, leg, status)
        try:
            await line.transfer(target)
        finally:
            await self._leg_event(line, url, leg, "completed")
        return None

    async def _stream(self, line: PhoneLine, endpoint: Mapping[str, Any], url: str) -> Sent | None:
        """The bot's closing is an event that may be answered with a document; a hang-up is none of it."""
        if self.refuses_stream(str(endpoint["uri"])):
            raise MisuseError("a WebSocket's URI does not begin with wss://")
        leg = {"uuid": self.new_call_id(), "to": endpoint["uri"]}
        media = VonageStream(
            url=endpoint["uri"],
            resolver=self.connect,
            trust=self.trust,
            line=line,
            metadata=endpoint.get("headers") or {},
        )
        await self._leg_event(line, url, leg, "started")
        answered = asyncio.create_task(self._answered(line, media, url, leg))
        try:
            await line.join(media)
        except asyncio.CancelledError:
            await self._leg_event(line, url, leg, "completed")
            raise
        finally:
            answered.cancel()
        if media.failure:
            line.problems.append(f"the stream could not be opened: {media.failure}")
            return None
        fields = {**self._parties(line), **leg, "status": "disconnected", "timestamp": _now()}
        sent = await self._webhook(url, fields)
        await self._leg_event(line, url, leg, "completed")
        return sent

    async def _answered(self, line: PhoneLine, media: MediaStream, url: str, leg: Mapping[str, str]) -> None:
        await media.opened.wait()
        await self._leg_event(line, url, leg, "answered")

    # The Voice API

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/calls", self._create), web.put("/v1/calls/{uuid}", self._update)]

    async def _create(self, request: web.Request) -> web.Response:
        order = await self._order(request)
        if isinstance(order, web.Response):
            return order
        if wrong := _wrong_fields(order):
            return _problem(400, "Bad Request", invalid_parameters=wrong)
        line = self.new_line(
            direction="outbound", caller=f"+{order['from']['number']}", called=f"+{order['to'][0]['number']}"
        )
        self._orders[line.call_id] = order
        self.dial(line)
        answer = {
            "uuid": line.call_id,
            "status": "started",
            "direction": "outbound",
            "conversation_uuid": self._conversations[line.call_id],
        }
        return web.json_response(answer, status=201)

    async def _update(self, request: web.Request) -> web.Response:
        order = await self._order(request)
        if isinstance(order, web.Response):
            return order
        if order != {"action": "hangup"}:
            return _problem(400, "Bad Request", invalid_parameters={"action": "this stand-in knows hangup"})
        line = self.lines.get(request.match_info["uuid"])
        if line is None or line.ended.is_set():
            return _problem(404, "Not Found")
        self.in_background(line.hang_up())
        return web.Response(status=204)

    async def _order(self, request: web.Request) -> dict[str, Any] | web.Response:
        """The request's fields, of a bearer of the application's own token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            needed = {"require": ["application_id", "iat", "jti", "exp"]}
            claims = jwt.decode(token, self._public_key, algorithms=["RS256"], options=needed)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            return _problem(401, "Unauthorized")
        if scheme != "Bearer" or claims["application_id"] != self.account["applicationId"]:
            return _problem(401, "Unauthorized")
        fields = _json((await request.read()).decode()) if request.content_type == "application/json" else None
        return fields if isinstance(fields, dict) else _problem(400, "Bad Request")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ncco(document: Sent) -> Ncco:
    content_type = document.answer_headers.get("content-type", "").partition(";")[0]
    if content_type != "application/json":
        raise MisuseError(f"an NCCO's Content-Type is {content_type or 'missing'}")
    actions = _json(document.answer.decode(errors="replace"))
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        raise MisuseError("an NCCO is not a list of actions")
    return actions


def _check_action(action: Mapping[str, Any]) -> None:
    name = action.get("action")
    known = FIELDS.get(name) if isinstance(name, str) else None
    if known is None:
        raise MisuseError("this stand-in does not know one of the actions")
    if unknown := sorted(set(action) - known - {"action"}):
        raise MisuseError(f"{name} has no {', '.join(unknown)}")
    if "eventUrl" in action:
        _event_url(action)


def _check_barge_in(actions: Sequence[Mapping[str, Any]]) -> None:
    """After a `talk` that may be interrupted, the next other action must be an `input`."""
    interruptible = False
    for action in actions:
        if interruptible and action["action"] not in ("talk", "input"):
            raise MisuseError("a talk with bargeIn is followed by another action than input")
        interruptible = (interruptible or bool(action.get("bargeIn"))) and action["action"] != "input"
    if interruptible:
        raise MisuseError("a talk with bargeIn is followed by no input")


def _text(action: Mapping[str, Any]) -> str:
    text, language = action.get("text"), action.get("language", "en-US")
    if not isinstance(text, str) or not 0 < len(text) <= 1500 or not isinstance(language, str):
        raise MisuseError("a talk has no text, or one of more than 1,500 characters")
    return text


def _event_url(action: Mapping[str, Any]) -> str:
    urls = action.get("eventUrl", [])
    if not isinstance(urls, list) or len(urls) > 1 or not all(str(url).startswith("http") for url in urls):
        raise MisuseError("eventUrl is not a list of one absolute URL")
    if action.get("eventMethod", "POST") != "POST":
        raise MisuseError("this stand-in knows no method but POST")
    return urls[0] if urls else ""


def _needed_url(action: Mapping[str, Any]) -> str:
    if url := _event_url(action):
        return url
    raise MisuseError(f"{action['action']} has no eventUrl")


def _endpoint(action: Mapping[str, Any]) -> dict[str, Any]:
    endpoints = action.get("endpoint")
    if not isinstance(endpoints, list) or len(endpoints) != 1 or not isinstance(endpoints[0], dict):
        raise MisuseError("connect has not exactly one endpoint")
    endpoint: dict[str, Any] = endpoints[0]
    known = ENDPOINT_FIELDS.get(endpoint.get("type", ""))
    if known is None or set(endpoint) - known:
        raise MisuseError("an endpoint is of no known type, or has fields that it does not know")
    if not 1 <= action.get("limit", 7200) <= 7200:
        raise MisuseError("limit is not within two hours")
    if endpoint["type"] == "websocket":
        _check_websocket(endpoint)
    elif ("from" in action) == bool(action.get("randomFromNumber")):
        raise MisuseError("connect names not one of from and randomFromNumber")
    if endpoint["type"] == "phone" and not NUMBER.fullmatch(str(endpoint.get("number"))):
        raise MisuseError("a phone's number is not E.164 without a plus")
    if endpoint["type"] == "sip" and not str(endpoint.get("uri")).startswith("sip:"):
        raise MisuseError("a SIP endpoint's URI does not begin with sip:")
    return endpoint


def _check_websocket(endpoint: Mapping[str, Any]) -> None:
    if endpoint.get("content-type") != f"audio/l16;rate={SAMPLE_RATE}":
        raise MisuseError("this stand-in has no other audio than audio/l16;rate=16000")
    if len(json.dumps(endpoint.get("headers") or {})) > MAX_HEADER_BYTES:
        raise MisuseError(f"a WebSocket's headers have more than {MAX_HEADER_BYTES} bytes")


def _wrong_fields(order: Mapping[str, Any]) -> dict[str, str]:
    wrong = dict.fromkeys(sorted(set(order) - CALL_FIELDS), "Unknown parameter")
    to, caller = order.get("to"), order.get("from")
    if not (isinstance(to, list) and len(to) == 1 and _is_phone(to[0])):
        wrong["to"] = "Is required, one phone with a number"
    if not _is_phone(caller) or "random_from_number" in order:
        wrong["from"] = "Is required, a phone with a number, and without random_from_number"
    if "ncco" in order or not _is_url_list(order.get("answer_url")) or order.get("answer_method") != "POST":
        wrong["answer_url"] = "This stand-in asks one URL by POST"
    if not _is_url_list(order.get("event_url")) or order.get("event_method", "POST") != "POST":
        wrong["event_url"] = "This stand-in tells one URL by POST"
    if not 1 <= order.get("length_timer", 7200) <= 7200:
        wrong["length_timer"] = "Is out of range"
    if not 1 <= order.get("ringing_timer", 60) <= 120:
        wrong["ringing_timer"] = "Is out of range"
    if not _is_detection(order.get("advanced_machine_detection")):
        wrong["advanced_machine_detection"] = "Is malformed"
    return wrong


def _is_phone(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"type", "number"}
        and value["type"] == "phone"
        and isinstance(value["number"], str)
        and NUMBER.fullmatch(value["number"]) is not None
    )


def _is_url_list(value: object) -> bool:
    return isinstance(value, list) and len(value) == 1 and str(value[0]).startswith("http")


def _is_detection(value: object) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and not set(value) - {"behavior", "mode", "beep_timeout"}
        and value.get("behavior") in ("continue", "hangup", None)
        and value.get("mode") in ("default", "detect", "detect_beep", None)
        and 45 <= value.get("beep_timeout", 45) <= 120
    )


def _problem(status: int, title: str, **more: object) -> web.Response:
    kind = "https://developer.vonage.com/api-errors"
    return web.json_response({"type": kind, "title": title, **more}, status=status)
