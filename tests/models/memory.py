"""The data plane of AgentCore Memory, as far as short-term events go, on loopback.

It verifies every signature, and checks every request against botocore's model of the service, with patterns, lengths
and unknown members, which botocore's own clients don't. What AWS leaves open it makes awkward: sessions come in no
useful order, on short pages, and it keeps timestamps to the second. It does not prove AWS's latency, the quotas of an
account, how soon an event can be read again, that the newest events come first, or that events expire when they should.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import botocore.session
from botocore.model import OperationModel

from local.aws_http.errors import CommonCode, ErrorCode, ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.signature import verify
from tests.models.credentials import ContainerCredentialsEndpoint

REGION = "us-east-1"
MEMORY_ID = "switchboard_tests-Ab12Cd34Ef"
OPERATIONS = ("CreateEvent", "ListSessions", "ListEvents", "GetEvent", "DeleteEvent")
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html, per actor and session
EVENTS_PER_SECOND = 5
_PAGE = 20
_SHORT_PAGE = 3

type Json = dict[str, Any]


class MemoryCode(ErrorCode):
    """The service's own codes."""

    NOT_FOUND = ("ResourceNotFoundException", HTTPStatus.NOT_FOUND)
    THROTTLED = ("ThrottledException", HTTPStatus.TOO_MANY_REQUESTS)
    ACCESS_DENIED = ("AccessDeniedException", HTTPStatus.FORBIDDEN)
    SERVICE = ("ServiceException", HTTPStatus.INTERNAL_SERVER_ERROR)


@dataclass(kw_only=True)
class MemoryService:
    """One memory, and the events of its actors and sessions. May be used from any thread.

    `delay_seconds` holds up every answer; `failure` is what every request gets in place of one. `calls` are the names
    of the operations that were asked for, in order.
    """

    credentials: ContainerCredentialsEndpoint
    retention: timedelta = timedelta(days=30)
    delay_seconds: float = 0.0
    failure: ErrorCode | None = None
    calls: list[str] = field(default_factory=list)
    _events: list[Json] = field(default_factory=list)
    _sessions: dict[tuple[str, str], float] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)
    _passed: timedelta = timedelta()
    _lock: Lock = field(default_factory=Lock)
    _port: int = 0

    @classmethod
    @contextmanager
    def run(cls, *, credentials: ContainerCredentialsEndpoint) -> Iterator[Self]:
        """Serve on a free port of loopback, from a thread, until the end of the block."""
        service = cls(credentials=credentials)

        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, service)) as server:
            service._port = server.server_address[1]
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield service
            finally:
                server.shutdown()
                thread.join()

    def environment(self) -> dict[str, str]:
        """The environment with which the agent finds its memory here."""
        return {
            "AWS_REGION": REGION,
            "SWITCHBOARD_MEMORY_ID": MEMORY_ID,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": f"http://127.0.0.1:{self._port}",
            **self.credentials.environment(),
        }

    def said(self, *, actor: str, session: str | None = None) -> list[tuple[str, str]]:
        """Who said what, in the order in which it was stored."""
        with self._lock:
            parts = [part for event in self._kept(actor=actor, session=session) for part in event["payload"]]
        return [(part["conversational"]["role"], part["conversational"]["content"]["text"]) for part in parts]

    def let_pass(self, time_passed: timedelta) -> None:
        """Let the events grow older."""
        self._passed += time_passed

    def answer(self, request: HttpRequest) -> tuple[HTTPStatus, Json]:
        """The status and the body of an answer. Raises `ServiceError`."""
        operation, arguments = _read(request)
        self.calls.append(operation.name)
        time.sleep(self.delay_seconds)
        verify(
            request,
            service="bedrock-agentcore",
            region=REGION,
            find_credential=self.credentials.find,
            now=datetime.now(UTC),
        )
        if self.failure:
            raise ServiceError(self.failure, "as the test wishes")
        if arguments["memoryId"] != MEMORY_ID:
            raise ServiceError(MemoryCode.NOT_FOUND, "no such memory")
        with self._lock:
            answers = {
                "CreateEvent": self._create_event,
                "ListSessions": self._list_sessions,
                "ListEvents": self._list_events,
                "GetEvent": lambda asked: {"event": self._event(asked)},
                "DeleteEvent": self._delete_event,
            }
            return HTTPStatus(operation.http["responseCode"]), answers[operation.name](arguments)

    def _create_event(self, asked: Json) -> Json:
        now = time.time()
        session = asked.setdefault("sessionId", secrets.token_hex(16))
        self._throttle(actor=asked["actorId"], session=session, now=now)
        event_id = f"{int(now * 1000):019}#{secrets.token_hex(4)}"
        members = ("memoryId", "actorId", "sessionId", "eventTimestamp", "payload", "metadata")
        event = {"eventId": event_id, **{name: asked[name] for name in members if name in asked}}
        event["eventTimestamp"] = int(asked["eventTimestamp"])
        if (token := asked.get("clientToken")) not in self._tokens:
            self._sessions.setdefault((asked["actorId"], session), now)
            self._events.append({**event, "_stored": now, "_expires": now + self.retention.total_seconds()})
            self._tokens |= {token} if token else set()
        return {"event": event}

    def _throttle(self, *, actor: str, session: str, now: float) -> None:
        events = self._kept(actor=actor, session=session)
        if sum(now - event["_stored"] < 1 for event in events) >= EVENTS_PER_SECOND:
            raise ServiceError(MemoryCode.THROTTLED, "rate exceeded")

    def _list_sessions(self, asked: Json) -> Json:
        sessions = sorted(session for actor, session in self._sessions if actor == asked["actorId"])
        if asked.get("filter") == {"eventFilter": "HAS_EVENTS"}:
            sessions = [each for each in sessions if self._kept(actor=asked["actorId"], session=each)]
        summaries = [
            {"sessionId": each, "actorId": asked["actorId"], "createdAt": self._sessions[asked["actorId"], each]}
            for each in sessions
        ]
        return _page(summaries, asked, member="sessionSummaries", most=_SHORT_PAGE)

    def _list_events(self, asked: Json) -> Json:
        events = self._kept(actor=asked["actorId"], session=asked["sessionId"])
        if not events:
            raise ServiceError(MemoryCode.NOT_FOUND, "no such session")
        events.sort(key=lambda event: (event["eventTimestamp"], event["_stored"]), reverse=True)
        shown = [_public(event) for event in events]
        if not asked.get("includePayloads", True):
            shown = [{**event, "payload": []} for event in shown]
        return _page(shown, asked, member="events", most=_PAGE)

    def _event(self, asked: Json) -> Json:
        found = [
            event
            for event in self._kept(actor=asked["actorId"], session=asked["sessionId"])
            if event["eventId"] == asked["eventId"]
        ]
        if not found:
            raise ServiceError(MemoryCode.NOT_FOUND, "no such event")
        return _public(found[0])

    def _delete_event(self, asked: Json) -> Json:
        event_id = self._event(asked)["eventId"]
        self._events = [event for event in self._events if event["eventId"] != event_id]
        return {"eventId": event_id}

    def _kept(self, *, actor: str, session: str | None) -> list[Json]:
        now = time.time() + self._passed.total_seconds()
        return [
            event
            for event in self._events
            if event["actorId"] == actor and session in (None, event["sessionId"]) and now < event["_expires"]
        ]


def _public(event: Json) -> Json:
    return {name: value for name, value in event.items() if not name.startswith("_")}


def _page(found: list[Json], asked: Json, *, member: str, most: int) -> Json:
    start, size = int(asked.get("nextToken", "0")), min(asked.get("maxResults", _PAGE), most)
    more = {"nextToken": str(start + size)} if start + size < len(found) else {}
    return {member: found[start : start + size], **more}


_MODEL = botocore.session.get_session().get_service_model("bedrock-agentcore")


def _read(request: HttpRequest) -> tuple[OperationModel, Json]:
    """The operation that a request asks for, and its input, which the model allows. Raises `ServiceError`."""
    path = urlsplit(request.raw_path).path
    for name in OPERATIONS:
        operation = _MODEL.operation_model(name)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])
        if operation.http["method"] == request.method and (match := re.fullmatch(pattern, path.rstrip("/"))):
            labels = {label: unquote(value) for label, value in match.groupdict().items()}
            arguments = {**(json.loads(request.body) if request.body else {}), **labels}
            if problems := list(_problems(operation.input_shape, arguments, at="input")):
                raise ServiceError(CommonCode.VALIDATION, "; ".join(problems))
            return operation, arguments
    raise ServiceError(CommonCode.UNKNOWN_OPERATION, f"{request.method} {path}")


# Of Python's, for the types that a request has; a timestamp is in seconds since the epoch, as REST-JSON has it.
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "timestamp": (int, float),
}


def _problems(shape: Any, value: Any, *, at: str) -> Iterator[str]:
    """What is wrong with a value, after botocore's model of it (a `botocore.model.Shape`)."""
    if not _is_a(shape, value):
        yield f"{at} must be a {shape.type_name}"
        return
    yield from _wrong_size(shape, value, at=at)
    match shape.type_name:
        case "structure":
            yield from _wrong_members(shape, value, at=at)
        case "map":
            for name, each in value.items():
                yield from _problems(shape.key, name, at=f"{at}'s key")
                yield from _problems(shape.value, each, at=f"{at}.{name}")
        case "list":
            for index, each in enumerate(value):
                yield from _problems(shape.member, each, at=f"{at}[{index}]")


def _is_a(shape: Any, value: Any) -> bool:
    return isinstance(value, _KINDS[shape.type_name])


def _wrong_size(shape: Any, value: Any, *, at: str) -> Iterator[str]:
    limits: Mapping[str, Any] = shape.metadata
    size = value if isinstance(value, int) else len(value) if isinstance(value, str | list | dict) else 0
    if not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{at} has the size {size}, allowed are {limits.get('min')} to {limits.get('max')}"
    if isinstance(value, str) and not re.fullmatch(limits.get("pattern", r"[\s\S]*"), value):
        yield f"{at} must match {limits['pattern']}"
    if isinstance(value, str) and value not in limits.get("enum", [value]):
        yield f"{at} must be one of {limits['enum']}"


def _wrong_members(shape: Any, value: Json, *, at: str) -> Iterator[str]:
    if missing := set(shape.required_members) - value.keys():
        yield f"{at} lacks {sorted(missing)}"
    if unknown := value.keys() - shape.members.keys():
        yield f"{at} has unknown members {sorted(unknown)}"
    if shape.is_tagged_union and len(value) != 1:
        yield f"{at} must have one member"
    for name, member in shape.members.items():
        if name in value:
            yield from _problems(member, value[name], at=f"{at}.{name}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, memory: MemoryService, *arguments: Any) -> None:
        self._memory = memory
        super().__init__(*arguments)

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            request = HttpRequest.from_wire(
                method=self.command,
                raw_path=path.encode(),
                query_string=query.encode(),
                headers=[(name.encode(), value.encode()) for name, value in self.headers.items()],
                body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
            )
            self._send(*self._memory.answer(request))
        except ServiceError as error:
            self._send(error.code.status, {"message": error.message}, kind=error.code.code)

    do_GET = do_DELETE = do_POST  # noqa: N815 - as above

    def _send(self, status: HTTPStatus, body: Json, *, kind: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if kind:
            self.send_header("x-amzn-ErrorType", kind)
        self.end_headers()
        with suppress(ConnectionError):  # a client that has lost its patience
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's signature
        """Print nothing."""
