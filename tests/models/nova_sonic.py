"""A stand-in for Nova Sonic: InvokeModelWithBidirectionalStream of Bedrock, over HTTP/2 with TLS.

It verifies the signature of the request and, in a chain, that of every event; that the key is one of the role's and has
not expired, at each event; the model's id; and the order of the events. It hears with Moonshine when the caller's voice
stops, answers by tests/models/script.py, speaks with espeak-ng, faster than the voice as the service does, and lets
itself be interrupted.

What it does not prove: how the real model understands, speaks and takes turns; that the service sends its events in
just this order, refuses just these things, and with just these codes; what it does when a key ends during a stream.
"""

import asyncio
import base64
import itertools
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

import numpy as np

from local.aws_http.errors import ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.identity import Credential
from local.aws_http.signature import verify
from offline_speech import synthesize, transcribe
from tests.models.certificates import Certificates
from tests.models.nova_sonic_events import Events, OutOfOrderError, Text, ToolResult
from tests.models.nova_sonic_framing import Decoder, FramingError, Message, SignatureChain
from tests.models.nova_sonic_http import HttpServer, HttpStream
from tests.models.script import CallTool, Say, answer, answer_to_tool

MODELS = ("amazon.nova-2-5-sonic", "amazon.nova-2-sonic-v1:0")
_PATHS = [f"/model/{model.replace(':', '%3A')}/invoke-with-bidirectional-stream" for model in MODELS]
REGION, SERVICE = "us-east-1", "bedrock"
SESSION_SECONDS = 480.0
_IDLE_SECONDS = 55.0
_RATE = 16_000
_LOUD = 500
# So much voice is an utterance, so much interrupts an answer, and so much silence ends an utterance.
_VOICE_SECONDS, _INTERRUPTING_SECONDS, _SILENCE_SECONDS = 0.06, 0.4, 0.6
_CHUNK_SECONDS, _SPEED = 0.1, 4
_INTERRUPTED = "interrupted"
_SAY_EXACTLY = re.compile(r"Say exactly this to me, and nothing else: (.*)", re.DOTALL)
_RESULT = re.compile(r"Result of the tool (\w+): (.*)", re.DOTALL)


class StreamRequest(HttpRequest):
    """A request whose payload is signed event by event, for which a constant stands in its own signature."""

    body_sha256 = "STREAMING-AWS4-HMAC-SHA256-EVENTS"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What the model heard, and in which stream (counted from 1)."""

    text: str
    stream: int


@dataclass(kw_only=True)
class NovaSonic:
    """The service. What it notes is for assertions; what can be set, a test may change at any time."""

    certificates: Certificates
    find_credential: Callable[[str], Credential | None]
    session_seconds: float = SESSION_SECONDS
    refusal: tuple[int, str] | None = None
    """An HTTP status and a code: what new streams are answered with."""
    break_next_answer: bool = False
    """Whether the next answer breaks off, with its stream, when its audio has begun."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    timed_out: int = 0
    refused: int = 0
    keys: list[str] = field(default_factory=list)
    events_verified: int = 0
    most_streams: int = 0
    interruptions: int = 0
    histories: list[list[Text]] = field(default_factory=list)
    streams: set["ModelStream"] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        *,
        certificates: Certificates,
        find_credential: Callable[[str], Credential | None],
        session_seconds: float = SESSION_SECONDS,
    ) -> AsyncIterator[Self]:
        """Serve on a free port of loopback until the end of the block."""
        service = cls(certificates=certificates, find_credential=find_credential, session_seconds=session_seconds)
        async with HttpServer.run(context=certificates.server_context(alpn=["h2"]), answer=service._answer) as server:
            service.port = server.port
            yield service

    def environment(self) -> dict[str, str]:
        """What lets an agent come here."""
        endpoint = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"https://127.0.0.1:{self.port}"}
        return {**endpoint, **self.certificates.environment(), "AWS_REGION": REGION}

    def end_streams(self) -> None:
        """End all streams without notice, as the service may."""
        for stream in [*self.streams]:
            stream.end()

    def break_streams(self) -> None:
        """Let the network break under all streams."""
        for stream in [*self.streams]:
            stream.http.abort()

    async def _answer(self, http: HttpStream) -> None:
        try:
            chain = self._accept(http)
        except ServiceError as error:
            self.refused += 1
            await http.refuse(status=error.code.status, code=error.code.code, message=error.message)
            return
        stream = ModelStream(service=self, http=http, chain=chain, number=len(self.histories) + 1)
        self.histories.append(stream.history)
        self.streams.add(stream)
        self.most_streams = max(self.most_streams, len(self.streams))
        try:
            await stream.serve()
        finally:
            self.streams.discard(stream)
            self.events_verified += chain.verified

    def _accept(self, http: HttpStream) -> SignatureChain:
        request = StreamRequest.from_wire(
            method=http.method,
            raw_path=http.path.encode(),
            query_string=http.query.encode(),
            headers=http.headers,
            body=b"",
        )
        credential = verify(
            request, service=SERVICE, region=REGION, find_credential=self.find_credential, now=datetime.now(UTC)
        )
        if self.refusal:
            raise _RefusedError(*self.refusal, "the test wants this refusal")
        if request.headers.get("content-type") != "application/vnd.amazon.eventstream":
            raise _RefusedError(
                415, "ValidationException", "the content type must be application/vnd.amazon.eventstream"
            )
        if http.path not in [
            f"/model/{model.replace(':', '%3A')}/invoke-with-bidirectional-stream" for model in MODELS
        ]:
            raise _RefusedError(400, "ValidationException", "the provided model identifier is invalid")
        self.keys.append(credential.access_key_id)
        return SignatureChain(
            credential=credential,
            region=REGION,
            service=SERVICE,
            prior=request.headers["authorization"].rpartition("Signature=")[2],
        )


class _RefusedError(ServiceError):
    def __init__(self, status: int, code: str, message: str) -> None:
        Exception.__init__(self, message)
        self.message = message
        self.code = _Code(status=status, code=code)  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class _Code:
    status: int
    code: str


class _StreamError(Exception):
    """An exception that the service sends within a stream."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(eq=False, kw_only=True)
class ModelStream:
    """One stream: what comes in, what the model makes of it, what goes out."""

    service: NovaSonic
    http: HttpStream
    chain: SignatureChain
    number: int
    history: list[Text] = field(default_factory=list)
    _events: Events = field(default_factory=Events)
    _ear: "Ear" = field(default_factory=lambda: Ear())
    _identity: dict[str, str] = field(default_factory=dict)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    _answering: asyncio.Task[None] | None = None
    _began: float = field(default_factory=time.monotonic)
    _callers_words: list[str] = field(default_factory=list)

    async def serve(self) -> None:
        """Take events until the end of the session."""
        await self.http.accept()
        try:
            async with asyncio.timeout(self.service.session_seconds):
                await self._listen()
        except TimeoutError:
            self.service.timed_out += 1
            await self._fail("modelTimeoutException", "Model has timed out in processing the request")
        except (FramingError, OutOfOrderError, KeyError) as error:
            self.service.violations.append(f"{type(error).__name__}: {error}")
            await self._fail("validationException", f"Invalid input request: {error}")
        except _StreamError as error:
            await self._fail(error.kind, str(error))
        except ConnectionError:
            pass
        finally:
            if self._answering:
                self._answering.cancel()
            self.http.end()

    def end(self) -> None:
        """End the stream without notice."""
        if self._answering:
            self._answering.cancel()
        self.http.end()

    async def _listen(self) -> None:
        decoder = Decoder()
        while data := await self._received():
            for message in decoder.feed(data):
                self._check_key()
                payload = self.chain.open(message, now=datetime.now(UTC))
                if not payload:  # the signed, empty event that ends a stream
                    return
                await self._take(json.loads(_chunk(payload))["event"])
        if not self._events.ended:
            raise ConnectionError("the client left without sessionEnd")

    async def _received(self) -> bytes:
        try:
            return await asyncio.wait_for(self.http.receive(), _IDLE_SECONDS)
        except TimeoutError as error:
            raise _StreamError("modelTimeoutException", "no event came for 55 seconds") from error

    def _check_key(self) -> None:
        if self.service.find_credential(self.chain.credential.access_key_id) is None:
            raise _StreamError("validationException", "the security token included in the request is expired")

    async def _take(self, event: dict[str, Any]) -> None:
        match self._events.take(event):
            case bytes() as audio:
                await self._hear(base64.b64decode(audio))
            case Text(interactive=True) as text:
                if not _SAY_EXACTLY.search(text.text) and not _RESULT.search(text.text):
                    self._callers_words.append(text.text)
                self._answer(partial(self._answer_text, text.text))
            case Text(role="USER" | "ASSISTANT") as text:
                self.history.append(text)
            case ToolResult() as result:
                name = self._events.tools_called[result.tool_use_id]
                self._answer(partial(self._speak, _say_result(name, result.text)))
        if "promptEnd" in event:
            await self._send("completionEnd", stopReason="END_TURN")

    # hearing

    async def _hear(self, pcm: bytes) -> None:
        said = self._ear.hear(pcm)
        if self._ear.interrupts and self._answering and not self._answering.done():
            self._answering.cancel(_INTERRUPTED)
            await asyncio.wait([self._answering])
        if said:
            self._answer(partial(self._answer_speech, said))

    def _answer(self, work: Callable[[], Awaitable[None]]) -> None:
        self._answering = asyncio.create_task(self._answer_after(self._answering, work))

    async def _answer_after(self, before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
        if before and not before.done():
            await asyncio.wait([before])
        with suppress(ConnectionError):
            await work()

    async def _answer_speech(self, pcm: bytes) -> None:
        text = await asyncio.to_thread(transcribe, pcm, sample_rate=_RATE)
        if not text:
            return
        before = self._last_words()
        self.service.heard.append(Heard(text=text, stream=self.number))
        self._callers_words.append(text)
        await self._send_text("USER", text, stage="FINAL", stop="PARTIAL_TURN")
        if "before" in text.lower():
            await self._speak(f"Before, you said: {before}")
        else:
            await self._answer_text(text)

    def _last_words(self) -> str:
        told = [text.text for text in self.history if text.role == "USER"]
        return [*told, *self._callers_words, "nothing"][-2 if told or self._callers_words else -1]

    async def _answer_text(self, text: str) -> None:
        if exactly := _SAY_EXACTLY.search(text):
            return await self._speak(exactly[1])
        if result := _RESULT.search(text):
            return await self._speak(_say_result(result[1], result[2]))
        match answer(text):
            case Say(text=sentence):
                await self._speak(sentence)
            case CallTool(name=name) if name not in self._tools():
                await self._speak(f"I have no tool {name}.")
            case CallTool(name=name, arguments=arguments):
                await self._call_tool(name, dict(arguments))

    def _tools(self) -> list[str]:
        tools = self._events.prompt.get("toolConfiguration", {}).get("tools", [])
        return [tool["toolSpec"]["name"] for tool in tools]

    async def _call_tool(self, name: str, arguments: dict[str, Any]) -> None:
        content = {"contentId": str(uuid.uuid4()), "type": "TOOL", "role": "TOOL"}
        tool_use_id = str(uuid.uuid4())
        self._events.tools_called[tool_use_id] = name
        async with self._sending:
            await self._send("contentStart", **content, toolUseOutputConfiguration={"mediaType": "application/json"})
            call = {"toolName": name, "toolUseId": tool_use_id, "content": json.dumps(arguments)}
            await self._send("toolUse", contentId=content["contentId"], **call)
            await self._send("contentEnd", **content, stopReason="TOOL_USE")

    # speaking

    async def _speak(self, text: str) -> None:
        """Say it sentence by sentence: the plan, its audio, and when that has been played, the words that were said."""
        self.service.said.append(text)
        sentences = re.findall(r"[^.?!]+[.?!]?\s*", text)
        rate = self._events.prompt["audioOutputConfiguration"]["sampleRateHertz"]
        played = time.monotonic()
        words: list[tuple[float, str]] = []
        try:
            for last, sentence in zip(itertools.chain([False] * (len(sentences) - 1), [True]), sentences, strict=True):
                pcm = await asyncio.to_thread(synthesize, sentence, sample_rate=rate)
                await self._send_text("ASSISTANT", sentence.strip(), stage="SPECULATIVE", stop="PARTIAL_TURN")
                played = max(played, time.monotonic()) + len(pcm) / 2 / rate
                words.append((played, sentence.strip()))
                await self._send_audio(pcm, rate=rate, stop="END_TURN" if last else "PARTIAL_TURN")
            while words:
                await asyncio.sleep(max(0.0, words[0][0] - time.monotonic()))
                await self._send_text("ASSISTANT", words[0][1], stage="FINAL", stop="END_TURN")
                words.pop(0)
            await self._send_usage()
        except asyncio.CancelledError as error:
            if error.args == (_INTERRUPTED,):
                await self._say_interrupted()

    async def _say_interrupted(self) -> None:
        self.service.interruptions += 1
        await self._send_text("ASSISTANT", '{ "interrupted" : true }', stage="FINAL", stop="INTERRUPTED")

    async def _send_audio(self, pcm: bytes, *, rate: int, stop: str) -> None:
        audio = {"mediaType": "audio/lpcm", "sampleRateHertz": rate, "sampleSizeBits": 16, "channelCount": 1}
        content = {"contentId": str(uuid.uuid4()), "type": "AUDIO", "role": "ASSISTANT"}
        size = int(rate * _CHUNK_SECONDS) * 2
        async with self._sending:
            await self._send("contentStart", **content, audioOutputConfiguration={**audio, "encoding": "base64"})
            try:
                for start in range(0, len(pcm), size):
                    chunk = base64.b64encode(pcm[start : start + size]).decode()
                    await self._send("audioOutput", contentId=content["contentId"], role="ASSISTANT", content=chunk)
                    if self.service.break_next_answer:
                        self.service.break_next_answer = False
                        self.http.abort()
                    await asyncio.sleep(_CHUNK_SECONDS / _SPEED)
            except asyncio.CancelledError:
                stop = "END_TURN"
                raise
            finally:
                with suppress(ConnectionError):
                    await self._send("contentEnd", **content, stopReason=stop)

    async def _send_text(self, role: str, text: str, *, stage: str, stop: str) -> None:
        content = {"contentId": str(uuid.uuid4()), "type": "TEXT", "role": role}
        async with self._sending:
            await self._send(
                "contentStart",
                **content,
                additionalModelFields=json.dumps({"generationStage": stage}),
                textOutputConfiguration={"mediaType": "text/plain"},
            )
            await self._send("textOutput", contentId=content["contentId"], role=role, content=text)
            await self._send("contentEnd", contentId=content["contentId"], type="TEXT", stopReason=stop)

    async def _send_usage(self) -> None:
        tokens = {"input": {"speechTokens": 10, "textTokens": 1}, "output": {"speechTokens": 10, "textTokens": 1}}
        await self._send("usageEvent", totalTokens=22, details={"delta": tokens, "total": tokens})

    async def _send(self, kind: str, **content: Any) -> None:
        if not self._identity:
            self._identity = {
                "sessionId": str(uuid.uuid4()),
                "promptName": self._events.prompt["promptName"],
                "completionId": str(uuid.uuid4()),
            }
            await self._send("completionStart")
        event = {"event": {kind: {**self._identity, **content}}}
        payload = {"bytes": base64.b64encode(json.dumps(event).encode()).decode()}
        await self._send_message({":message-type": "event", ":event-type": "chunk"}, payload)

    async def _fail(self, kind: str, message: str) -> None:
        if self._answering:
            self._answering.cancel()
        with suppress(ConnectionError):
            await self._send_message({":message-type": "exception", ":exception-type": kind}, {"message": message})

    async def _send_message(self, headers: dict[str, str], payload: dict[str, str]) -> None:
        headers = {**headers, ":content-type": "application/json"}
        await self.http.send(Message(headers=headers, payload=json.dumps(payload).encode()).encode())


@dataclass(kw_only=True)
class Ear:
    """Cuts the caller's audio into utterances by its loudness; times are those of the audio, not of the clock."""

    voice: bool = False
    _heard: bytes = b""
    _loud: float = 0.0
    _quiet: float = 0.0

    @property
    def interrupts(self) -> bool:
        """Whether the caller has spoken for so long that they want to be heard."""
        return self._loud > _INTERRUPTING_SECONDS

    def hear(self, pcm: bytes) -> bytes | None:
        """An utterance, when it ends with this audio."""
        seconds = len(pcm) / 2 / _RATE
        loud = len(pcm) > 0 and np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)).max() > _LOUD
        self._loud, self._quiet = (self._loud + seconds, 0.0) if loud else (self._loud, self._quiet + seconds)
        self.voice = self.voice or self._loud > _VOICE_SECONDS
        self._heard += pcm
        if self._quiet < _SILENCE_SECONDS:
            return None
        utterance, voice = self._heard, self.voice
        self._heard, self.voice, self._loud = self._heard[-_RATE:], False, 0.0  # half a second is kept
        return utterance if voice else None


def _chunk(payload: bytes) -> bytes:
    """What is in a signed event: another event, with the JSON of the API in it, and in that the model's own."""
    (inner,) = Decoder().feed(payload)
    kind = [inner.headers.get(name) for name in (":message-type", ":event-type", ":content-type")]
    if kind != ["event", "chunk", "application/json"]:
        raise FramingError(f"got an event {kind}, allowed are chunks of JSON")
    return base64.b64decode(json.loads(inner.payload)["bytes"])


def _say_result(name: str, text: str) -> str:
    try:
        result = json.loads(text)
    except ValueError:
        result = text
    match result:
        case {"say_only_this": sentence}:
            return str(sentence)
        case dict():
            result = ", ".join(map(str, result.values()))
    return answer_to_tool(name, result).text
