"""A loopback server that plays Daily's REST API as far as the functions ask it, stricter where documents are silent.

Written from https://docs.daily.co/reference/rest-api. It proves nothing about Daily's own limits of time, about what
presence says a moment after a join, or about an account's features.
"""

import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.connect.aws_stub import Reply, Server

API_KEY = "0c1d" * 16
DOMAIN_ID = "30f866c3-9123-452a-8723-ff58322d09c5"
DAILY_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:daily-AbCdEf"
PREFIX = "switchboard-dev"
DAILY_VARIABLES = {
    "SWITCHBOARD_DAILY_SECRET_ARN": DAILY_SECRET,
    "SWITCHBOARD_DAILY_ROOM_PREFIX": PREFIX,
    "SWITCHBOARD_DAILY_SESSION_SECONDS": "3600",
    "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "4",
}
KNOWN_PROPERTIES = {
    *("exp", "eject_at_room_exp", "max_participants", "enable_chat", "enable_prejoin_ui", "start_video_off"),
    *("permissions", "geo", "enable_recording", "sip", "enable_dialout"),
}


def daily_secret(*, api_key: str = API_KEY, domain_id: str = DOMAIN_ID) -> Reply:
    text = json.dumps({"apiKey": api_key, "domainId": domain_id, "webhookHmac": "aGVsbG8="})
    return Reply(body=json.dumps({"SecretString": text}).encode())


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that came with the right key."""

    operation: str
    path: str
    payload: Any


@dataclass(kw_only=True)
class Fault:
    """What happens to one request instead of an answer, or to the answer of one that is carried out."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang: Literal["", "before", "after"] = ""


@dataclass(frozen=True, kw_only=True)
class Replied:
    status: int
    payload: dict[str, Any]


class DailyStub:
    """Rooms by name, who is in them, and what was asked; `faults` meet the next requests of an operation, in turn."""

    def __init__(self) -> None:
        self.api_key = API_KEY
        self.rooms: dict[str, dict[str, Any]] = {}
        self.present: dict[str, list[str | None]] = {}
        self.asked: list[Asked] = []
        self.refused_keys = 0
        self.faults: dict[str, list[Fault]] = {}
        self.made: list[str] = []
        self.ejected: list[str] = []
        self.batch_field = "room_names"
        self.calls_on_hold: set[str] = set()
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.url = ""

    def count(self, operation: str) -> int:
        return Counter(asked.operation for asked in self.asked)[operation]

    def add_room(self, name: str, *, age: float = 0.0, seconds: float = 3600.0) -> None:
        now = time.time()
        self.rooms[name] = {
            "id": secrets.token_hex(8),
            "name": name,
            "api_created": True,
            "privacy": "private",
            "url": f"https://example.daily.co/{name}",
            "created_at": datetime.fromtimestamp(now - age, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "config": {"exp": int(now + seconds)},
        }

    def answer(self, *, method: str, target: str, authorization: str, body: bytes) -> tuple[Replied, Fault]:
        if not authorization.startswith("Bearer "):
            return Replied(status=400, payload={"error": "authorization-header-error"}), Fault()
        with self.lock:
            if authorization.removeprefix("Bearer ") != self.api_key:
                self.refused_keys += 1
                return Replied(status=401, payload={"error": "authentication-error"}), Fault()
            parts = urlsplit(target)
            operation = _operation(method=method, path=parts.path)
            payload = json.loads(body) if body else None
            self.asked.append(Asked(operation=operation, path=target, payload=payload))
            planned = self.faults.get(operation) or [Fault()]
            fault = planned.pop(0)
            if fault.status or fault.hang == "before":
                return Replied(status=fault.status, payload={"error": "rate-limit-error"}), fault
            replied = self._carry_out(operation=operation, path=parts.path, query=parts.query, payload=payload)
            return replied, fault

    def _carry_out(self, *, operation: str, path: str, query: str, payload: Any) -> Replied:
        of_the_domain: dict[str, Callable[[], Replied]] = {
            "CreateRoom": lambda: self._create(payload),
            "ListRooms": lambda: self._list(dict(parse_qsl(query))),
            "GetPresence": self._presence,
            "BatchRoomDelete": lambda: self._delete_all(payload),
            "PinlessCallUpdate": lambda: self._forward(payload),
            "unknown": lambda: Replied(status=404, payload={"error": "not-found"}),
        }
        if operation in of_the_domain:
            return of_the_domain[operation]()
        return self._of_a_room(operation=operation, name=path.split("/")[2], payload=payload)

    def _of_a_room(self, *, operation: str, name: str, payload: Any) -> Replied:
        if not self._open(name):
            expired = {"deleted": True} if operation == "DeleteRoom" and self.rooms.pop(name, {}) else {}
            return Replied(status=404, payload={"error": "not-found", **expired})
        if operation == "GetRoomPresence":
            people = self._people(name)
            return Replied(status=200, payload={"total_count": len(people), "data": people})
        if operation == "Eject":
            return self._eject(name=name, ids=payload["ids"])
        if operation == "DeleteRoom":
            self._forget(name)
            return Replied(status=200, payload={"deleted": True, "name": name})
        return Replied(status=200, payload=self.rooms[name])

    def _presence(self) -> Replied:
        occupied = [room for room, people in self.present.items() if people and self._open(room)]
        return Replied(status=200, payload={room: self._people(room) for room in occupied})

    def _create(self, payload: Any) -> Replied:
        name, properties = payload.get("name", ""), payload.get("properties", {})
        if set(payload) - {"name", "privacy", "properties"} or set(properties) - KNOWN_PROPERTIES:
            return _invalid("unknown property")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name) or payload.get("privacy") not in ("public", "private"):
            return _invalid("name or privacy")
        if not isinstance(properties.get("exp"), int) or properties["exp"] <= time.time():
            return _invalid("exp must be in the future")
        if not 2 <= properties.get("max_participants", 2) <= 200:
            return _invalid("max_participants")
        if self._open(name):
            return _invalid(f"a room named {name} already exists")
        self.add_room(name)
        self.rooms[name] |= {"privacy": payload["privacy"], "config": properties}
        self.made.append(name)
        return Replied(status=200, payload=self.rooms[name])

    def _list(self, query: dict[str, str]) -> Replied:
        newest_first = sorted(self.rooms.values(), key=lambda room: room["created_at"], reverse=True)
        ids = [room["id"] for room in newest_first]
        start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
        limit = min(int(query.get("limit", "100")), 100)
        payload = {"total_count": len(ids), "data": newest_first[start : start + limit]}
        return Replied(status=200, payload=payload)

    def _delete_all(self, payload: Any) -> Replied:
        names = payload.get(self.batch_field)
        if (
            set(payload) != {self.batch_field}
            or not names
            or len(names) > 1000
            or not all(self._open(name) for name in names)
        ):
            return _invalid("a room does not exist, or there are too many")
        for name in names:
            self._forget(name)
        return Replied(status=200, payload={"deleted_count": len(names)})

    def _forward(self, payload: Any) -> Replied:
        if set(payload) != {"callId", "callDomain", "sipUri"}:
            return _invalid("fields are missing")
        if payload["callId"] not in self.calls_on_hold:
            return Replied(status=404, payload={"error": "not-found", "info": "Call Forwarding Failed"})
        self.calls_on_hold.remove(payload["callId"])
        return Replied(status=200, payload={"ok": "true"})

    def _eject(self, *, name: str, ids: list[str]) -> Replied:
        if not 1 <= len(ids) <= 100:
            return _invalid("1 to 100 ids")
        self.ejected += ids
        self.present[name] = [user for number, user in enumerate(self.present[name]) if _id(name, number) not in ids]
        return Replied(status=200, payload={"ejectedIds": ids})

    def _people(self, name: str) -> list[dict[str, Any]]:
        return [
            {"room": name, "id": _id(name, number), "userId": user, "userName": user, "duration": 5}
            for number, user in enumerate(self.present.get(name, []))
        ]

    def _open(self, name: str) -> bool:
        return name in self.rooms and self.rooms[name]["config"]["exp"] > time.time()

    def _forget(self, name: str) -> None:
        del self.rooms[name]
        self.present.pop(name, None)


def _operation(*, method: str, path: str) -> str:
    """Daily's own name of an operation, in its OpenAPI description."""
    known = {
        ("POST", "/rooms"): "CreateRoom",
        ("GET", "/rooms"): "ListRooms",
        ("GET", "/presence"): "GetPresence",
        ("DELETE", "/batch/rooms"): "BatchRoomDelete",
        ("POST", "/dialin/pinlessCallUpdate"): "PinlessCallUpdate",
    }
    if (method, path) in known:
        return known[method, path]
    if re.fullmatch(r"/rooms/[A-Za-z0-9_-]{1,128}", path):
        return {"GET": "GetRoomConfig", "DELETE": "DeleteRoom"}.get(method, "unknown")
    of_a_room = {("GET", "presence"): "GetRoomPresence", ("POST", "eject"): "Eject"}
    if match := re.fullmatch(r"/rooms/[A-Za-z0-9_-]{1,128}/([a-z]+)", path):
        return of_a_room.get((method, match[1]), "unknown")
    return "unknown"


def _id(name: str, number: int) -> str:
    """A participant's id."""
    return f"{name[-8:]}-{number}"


def _invalid(info: str) -> Replied:
    return Replied(status=400, payload={"error": "invalid-request-error", "info": info})


@contextmanager
def running_daily(stub: DailyStub) -> Iterator[DailyStub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            replied, fault = stub.answer(
                method=self.command,
                target=self.path.removeprefix("/v1"),
                authorization=self.headers.get("authorization", ""),
                body=body,
            )
            if fault.hang:
                stub.released.wait(timeout=30)
            content = json.dumps(replied.payload).encode() if fault.body is None else fault.body
            self.send_response(replied.status)
            for name, value in {"content-length": str(len(content)), **fault.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay silent: the tests look at everything that is printed."""

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
