"""A connect API and an agent with scripted faults, on real local sockets, served by threads."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.switchboard.lines import HungUpError, Line, WebRtcLine, WebSocketLine

SIGNATURE = "X-Amz-Signature=5ec4e75ec4e7"
BOT_SAMPLE_RATE = 24_000


def tone(*, hertz: int, seconds: float, sample_rate: int) -> bytes:
    moments = np.arange(round(seconds * sample_rate)) / sample_rate
    # A cosine, because a sine begins in silence.
    return (8000 * np.cos(2 * np.pi * hertz * moments)).astype(np.int16).tobytes()


def go_on(_: Line) -> None:
    """Do nothing."""


@dataclass(kw_only=True)
class Reply:
    heard: str
    answer: str
    hertz: int = 600
    then: Callable[[Line], None] = go_on


@dataclass(kw_only=True)
class Script:
    """What the stand-in does; the defaults are those of a good bot."""

    replies: list[Reply] = field(default_factory=list)
    start_status: int = 200
    start_answer: dict[str, object] | None = None
    start_delay_seconds: float = 0.0
    stop_status: int = 204
    handshake_status: int = 101
    handshake_refusals: list[int] = field(default_factory=list)
    """Statuses of the first handshakes."""
    resumes: bool = False
    """The API signs another URL for a session, and the agent goes on there."""
    offer_refusals: list[tuple[int, str]] = field(default_factory=list)
    """Status and error code of the first answers to offers."""
    unreachable: bool = False
    """The agent answers offers, and no packet gets through to it."""
    ready: bool = True
    ready_delay_seconds: float = 0.05
    vad_wait_seconds: float = 0.08
    reply_delay_seconds: float = 0.15
    last_words: Callable[[Line], None] = lambda line: line.hang_up()
    """After the last reply: by default the bot hangs up."""


@dataclass(kw_only=True)
class Hearing:
    """The agent's side of one connection: when each frame came, and when it heard, noticed and answered."""

    ready: bool = False
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
        self.lines: dict[str, WebRtcLine] = {}
        self._brains: dict[str, str] = {}
        self._replies = [*script.replies]
        """Those to come: the bot goes on where a connection was lost."""

    def answer_request(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, object]:
        self.requests.append((method, path, headers, body))
        match method, path.removeprefix("/").split("/"):
            case "POST", ["start"]:
                return self._start(body)
            case "DELETE", ["sessions", _]:
                return self.script.stop_status, None
            case "POST", ["sessions", _, "url"] if self.script.resumes:
                return 200, {"wsUrl": f"{self.websocket_url}/ws?brain=scripted&resume=1&{SIGNATURE}"}
            case "POST", ["sessions", path_id, "api", "offer"]:
                return self._offer(path_id, body)
            case "PATCH", ["sessions", path_id, "api", "offer"]:
                self.lines[path_id.partition(".")[0]].add_candidates(body["candidates"])
                return 204, None
            case "POST", ["sessions", path_id, "api", "ice-servers"]:
                return 200, {"sessionId": f"{path_id}1", "iceConfig": {"iceServers": []}}
            case _:
                return 404, None

    def refuse_handshake(self, connection: ServerConnection, _: Request) -> Response | None:
        refusals = self.script.handshake_refusals
        status = refusals.pop(0) if refusals else self.script.handshake_status
        return None if status == 101 else connection.respond(status, f"refused: {self.websocket_url}?{SIGNATURE}")

    def talk_on_websocket(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        [brain] = parse_qs(urlsplit(connection.request.path).query)["brain"]
        self._talk(WebSocketLine(connection), brain)

    def _start(self, body: Any) -> tuple[int, object]:
        sleep(self.script.start_delay_seconds)
        if self.script.start_answer is not None or self.script.start_status != 200:
            return self.script.start_status, self.script.start_answer
        brain = body.get("body", {}).get("brain", "scripted")
        if body["transport"] == "websocket":
            return 200, {"wsUrl": f"{self.websocket_url}/ws?brain={brain}&{SIGNATURE}"}
        session_id = f"session-{len(self.requests)}"
        self._brains[session_id] = brain
        return 200, {"sessionId": f"{session_id}.t", "iceConfig": {"iceServers": []}}

    def _offer(self, path_id: str, offer: Any) -> tuple[int, object]:
        if self.script.offer_refusals:
            status, code = self.script.offer_refusals.pop(0)
            return status, {"error": {"code": code, "message": f"the stand-in says {code}"}}
        session_id = path_id.partition(".")[0]
        first = offer["pc_id"] is None
        if first:
            self.lines[session_id] = WebRtcLine()
        line = self.lines[session_id]
        answer = line.answer(offer)
        if self.script.unreachable:
            line.drop()
        elif first:
            threading.Thread(target=self._talk, args=(line, self._brains[session_id])).start()
        return 200, answer

    def _talk(self, line: Line, brain: str) -> None:
        self.hearings.append(Hearing())
        with suppress(HungUpError):
            echo = brain == "echo"
            replies = [Reply(heard="", answer="")] if echo else self._replies
            _Bot(line, self.script, self.hearings[-1]).run(replies, echo=echo)


class _Bot:
    def __init__(self, line: Line, script: Script, hearing: Hearing) -> None:
        self._line = line
        self._script = script
        self._hearing = hearing

    def run(self, replies: list[Reply], *, echo: bool) -> None:
        while replies:
            speech = self._listen()
            reply = replies.pop(0)
            if echo:
                self._play(speech, sample_rate=self._line.caller_sample_rate)
            else:
                self._reply(reply)
            reply.then(self._line)
        if not echo:
            self._script.last_words(self._line)
        while True:
            self._hear(timeout=None)

    def _listen(self) -> bytes:
        """Until the caller has been silent for the voice-activity wait, and was heard so: a late frame is no pause."""
        speech, silence = bytearray(), bytearray()
        last_voiced_at = float("inf")
        wait = self._script.vad_wait_seconds
        while monotonic() < last_voiced_at + wait or len(silence) < wait * self._line.caller_sample_rate * 2:
            pcm = self._hear(timeout=0.002)
            if np.abs(np.frombuffer(pcm, dtype=np.int16)).max(initial=0) > 164:
                speech += pcm
                silence.clear()
                last_voiced_at = monotonic()
            elif speech:
                silence += pcm
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
        self._line.play(pcm, sample_rate=sample_rate)
        self._send("bot-stopped-speaking")

    def _hear(self, *, timeout: float | None) -> bytes:
        try:
            item = self._line.hear(timeout=timeout)
        except TimeoutError:
            return b""
        if isinstance(item, dict):
            self._begin(item)
            return b""
        self._hearing.frames.append((monotonic(), item))
        return item

    def _begin(self, message: dict[str, object]) -> None:
        assert (message["label"], message["type"]) == ("rtvi-ai", "client-ready")
        self._hearing.ready = True
        if self._script.ready:
            sleep(self._script.ready_delay_seconds)
            self._send("bot-ready", version="2.2.0")
            info = {"type": "agent-info", "startup_seconds": 1.9, "vad_stop_seconds": 0.2}
            self._send("server-message", **info, pipeline="offline", pipecat="1.14.0")

    def _send(self, type_: str, **data: object) -> None:
        self._line.send(json.dumps({"label": "rtvi-ai", "type": type_, "data": data}))


@contextmanager
def stand_in(script: Script) -> Iterator[StandIn]:
    service = StandIn(script)
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(service)) as api,
        serve(service.talk_on_websocket, "127.0.0.1", 0, process_request=service.refuse_handshake) as agent,
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
        for line in service.lines.values():
            line.drop()
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

    methods = {"do_POST": answer, "do_PATCH": answer, "do_DELETE": answer, "log_message": lambda *_: None}
    return type("Handler", (BaseHTTPRequestHandler,), methods)
