"""A connect API and an agent with scripted faults, on real local sockets, served by threads."""

import importlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

frames_pb2 = importlib.import_module("pipecat.frames.protobufs.frames_pb2")

SIGNATURE = "X-Amz-Signature=5ec4e75ec4e7"
BOT_SAMPLE_RATE = 24_000


def tone(*, hertz: int, seconds: float, sample_rate: int) -> bytes:
    moments = np.arange(round(seconds * sample_rate)) / sample_rate
    # A cosine, because a sine begins in silence.
    return (8000 * np.cos(2 * np.pi * hertz * moments)).astype(np.int16).tobytes()


@dataclass(kw_only=True)
class Reply:
    heard: str
    answer: str
    hertz: int = 600


@dataclass(kw_only=True)
class Script:
    """What the stand-in does; the defaults are those of a good bot."""

    replies: list[Reply] = field(default_factory=list)
    start_status: int = 200
    start_answer: dict[str, object] | None = None
    start_delay_seconds: float = 0.0
    stop_status: int = 204
    handshake_status: int = 101
    ready: bool = True
    ready_delay_seconds: float = 0.05
    vad_wait_seconds: float = 0.08
    reply_delay_seconds: float = 0.15
    last_words: Callable[[ServerConnection], None] = lambda connection: connection.close()
    """After the last reply: by default the bot hangs up."""


@dataclass(kw_only=True)
class Hearing:
    """The agent's side of one session: when each frame came, and when it heard, noticed and answered."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)
    last_voiced_at: list[float] = field(default_factory=list)
    noticed_at: list[float] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)


class StandIn:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.hearings: list[Hearing] = []
        self.api_url = ""
        self.websocket_url = ""

    def answer_request(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, object]:
        self.requests.append((method, path, headers, body))
        if method == "DELETE":
            return self.script.stop_status, None
        sleep(self.script.start_delay_seconds)
        if self.script.start_answer is not None or self.script.start_status != 200:
            return self.script.start_status, self.script.start_answer
        brain = body.get("body", {}).get("brain", "scripted")
        url = f"{self.websocket_url}/ws?brain={brain}&{SIGNATURE}"
        return 200, {"wsUrl": url}

    def refuse_handshake(self, connection: ServerConnection, _: Request) -> Response | None:
        status = self.script.handshake_status
        return None if status == 101 else connection.respond(status, f"refused: {self.websocket_url}?{SIGNATURE}")

    def talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        echo = parse_qs(urlsplit(connection.request.path).query)["brain"] == ["echo"]
        self.hearings.append(Hearing())
        try:
            _Bot(connection, self.script, self.hearings[-1]).run(echo=echo)
        except ConnectionClosed:
            return


class _Bot:
    def __init__(self, connection: ServerConnection, script: Script, hearing: Hearing) -> None:
        self._connection = connection
        self._script = script
        self._hearing = hearing

    def run(self, *, echo: bool) -> None:
        replies = [Reply(heard="", answer="")] if echo else self._script.replies
        for reply in replies:
            speech = self._listen()
            if echo:
                self._play(speech, sample_rate=16_000)
            else:
                self._reply(reply)
        if not echo:
            self._script.last_words(self._connection)
        while True:
            self._hear(timeout=None)

    def _listen(self) -> bytes:
        """Until the caller has been silent for the voice-activity wait."""
        speech = bytearray()
        last_voiced_at = float("inf")
        while monotonic() - last_voiced_at < self._script.vad_wait_seconds or last_voiced_at > monotonic():
            pcm = self._hear(timeout=0.002)
            if any(pcm):
                speech += pcm
                last_voiced_at = monotonic()
        self._hearing.last_voiced_at.append(last_voiced_at)
        self._hearing.noticed_at.append(monotonic())
        self._send("user-stopped-speaking")
        return bytes(speech)

    def _reply(self, reply: Reply) -> None:
        self._send("user-transcription", text="interim", final=False)
        self._send("user-transcription", text=reply.heard, final=True)
        while monotonic() < self._hearing.last_voiced_at[-1] + self._script.reply_delay_seconds:
            self._hear(timeout=0.002)
        self._send("bot-started-speaking")
        for status in ("new", "completed"):
            self._send("bot-output", text=reply.answer, segment_id=7, spoken_status=status)
        self._play(tone(hertz=reply.hertz, seconds=0.4, sample_rate=BOT_SAMPLE_RATE), sample_rate=BOT_SAMPLE_RATE)

    def _play(self, pcm: bytes, *, sample_rate: int) -> None:
        self._hearing.answered_at.append(monotonic())
        step = sample_rate * 2 // 25
        for start in range(0, len(pcm), step):
            frame = frames_pb2.Frame()
            frame.audio.audio = pcm[start : start + step]
            frame.audio.sample_rate = sample_rate
            frame.audio.num_channels = 1
            self._connection.send(frame.SerializeToString())
        self._send("bot-stopped-speaking")

    def _hear(self, *, timeout: float | None) -> bytes:
        try:
            data = self._connection.recv(timeout=timeout)
        except TimeoutError:
            return b""
        frame = frames_pb2.Frame.FromString(data)
        if frame.WhichOneof("frame") == "message":
            self._begin(json.loads(frame.message.data))
            return b""
        self._hearing.frames.append((monotonic(), frame.audio.audio))
        return bytes(frame.audio.audio)

    def _begin(self, message: dict[str, object]) -> None:
        assert (message["label"], message["type"]) == ("rtvi-ai", "client-ready")
        if self._script.ready:
            sleep(self._script.ready_delay_seconds)
            self._send("bot-ready", version="2.2.0")
            info = {"type": "agent-info", "startup_seconds": 1.9, "vad_stop_seconds": 0.2}
            self._send("server-message", **info, pipeline="offline", pipecat="1.14.0")

    def _send(self, type_: str, **data: object) -> None:
        frame = frames_pb2.Frame()
        frame.message.data = json.dumps({"label": "rtvi-ai", "type": type_, "data": data})
        self._connection.send(frame.SerializeToString())


def drop(connection: ServerConnection) -> None:
    connection.socket.shutdown(SHUT_RDWR)


@contextmanager
def stand_in(script: Script) -> Iterator[StandIn]:
    service = StandIn(script)
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(service)) as api,
        serve(service.talk, "127.0.0.1", 0, process_request=service.refuse_handshake) as agent,
    ):
        service.api_url = f"http://127.0.0.1:{api.server_port}"
        service.websocket_url = f"ws://127.0.0.1:{agent.socket.getsockname()[1]}"
        threads = [
            threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01}),
            threading.Thread(target=agent.serve_forever),
        ]
        for thread in threads:
            thread.start()
        yield service
        agent.shutdown()
        api.shutdown()
        for thread in threads:
            thread.join()


def _handler(service: StandIn) -> type[BaseHTTPRequestHandler]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length", 0))
        body = json.loads(request.rfile.read(length) or b"null")
        status, answer = service.answer_request(request.command, request.path, dict(request.headers), body)
        with suppress(BrokenPipeError):  # The caller may have lost patience.
            request.send_response(status)
            request.send_header("switchboard-session-id", f"session-{len(service.requests)}")
            request.end_headers()
            if answer is not None:
                request.wfile.write(json.dumps(answer).encode())

    methods = {"do_POST": answer, "do_DELETE": answer, "log_message": lambda *_: None}
    return type("Handler", (BaseHTTPRequestHandler,), methods)
