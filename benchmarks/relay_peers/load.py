"""Callers, and the agent that they talk to, in one process and one loop, so that they cost little beside a relay.

Every twentieth stream is timed: the agent sends each frame back at once, and the caller reads it at once. On the others
both sides send at their own pace, and what came is read and counted twice a second, as reading each frame by itself
would cost more than the relay does.
"""

import select
import socket
import ssl
import struct
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue

from websockets.client import ClientProtocol
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

FRAME_SECONDS = 0.02
PAYLOAD_BYTES = 340
"""A frame of μ-law in Twilio's JSON: 160 bytes in base64, and what is around them."""

# A mask of zeros changes nothing.
_MASKED = bytes((0x82, 0x80 | 126, PAYLOAD_BYTES >> 8, PAYLOAD_BYTES & 255, 0, 0, 0, 0))
_PLAIN = bytes((0x82, 126, PAYLOAD_BYTES >> 8, PAYLOAD_BYTES & 255))
_TIMED_EVERY = 20
_SLOTS = 20
_COUNTING_SLOTS = 25
_BUFFER_BYTES = 65_536
_PATIENCE_SECONDS = 60


@dataclass(kw_only=True)
class Result:
    """Round trips in milliseconds, sorted; the load's share of its processor; frames that were sent and not heard."""

    round_trips: list[float]
    busy: float
    lost: int

    def percentile(self, share: float) -> float:
        """A round trip that so many of them don't exceed."""
        return self.round_trips[min(int(len(self.round_trips) * share), len(self.round_trips) - 1)]


class _Agent:
    """The agent's end of a stream; TLS by hand, which lets one system call read many records."""

    def __init__(self, sock: socket.socket, *, tls: ssl.SSLContext | None) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_side=True) if tls else None
        while self._tls:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(self._outgoing.read())
                self._incoming.write(sock.recv(_BUFFER_BYTES))
            else:
                sock.sendall(self._outgoing.read())
                break

    def send(self, data: bytes | bytearray) -> None:
        if self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        _send(self.sock, data)

    def recv(self) -> bytes:
        """All that has come, which may be nothing as long as a record isn't whole."""
        if not self._tls:
            return _recv(self.sock)
        if records := self._records(self._tls):  # they may have come with the last of the handshake
            return records
        self._incoming.write(_recv(self.sock))
        return self._records(self._tls)

    def _records(self, tls: ssl.SSLObject) -> bytes:
        records = []
        while self._incoming.pending:
            try:
                records.append(tls.read(_BUFFER_BYTES))
            except ssl.SSLWantReadError:  # a part of a record
                break
        return b"".join(records)


@dataclass(kw_only=True)
class Load:
    """Some streams between callers and the agent. `tls` is the agent's."""

    tls: ssl.SSLContext
    port: int = 0
    plain_port: int = 0
    _callers: list[socket.socket] = field(default_factory=list)
    _agents: list[_Agent] = field(default_factory=list)
    _accepted: "SimpleQueue[_Agent]" = field(default_factory=SimpleQueue)

    def listen(self) -> None:
        """Serve handshakes from threads: one that speaks TLS, and one that doesn't."""
        self.port, self.plain_port = (self._listen(tls=tls) for tls in (self.tls, None))

    def open(self, count: int, *, port: int, path: Callable[[], str]) -> None:
        """Add streams until there are so many."""
        while len(self._callers) < count:
            self._callers.append(_call(port, path()))
            self._agents.append(self._accepted.get(timeout=_PATIENCE_SECONDS))

    def close(self) -> None:
        """End all streams."""
        for sock in [*self._callers, *(agent.sock for agent in self._agents)]:
            sock.close()
        self._callers, self._agents = [], []

    def run(self, *, warm_up: float, seconds: float, mark: Callable[[], None] = lambda: None) -> Result:
        """Send from all, each at a moment of its own within the 20 ms, and time what comes back.

        `mark` is called when the counting begins and when it ends.
        """
        loop = _Loop(self._callers, self._agents)
        loop.run(warm_up)
        mark()
        began, busy = time.monotonic(), time.process_time()
        loop.start_timing()
        loop.run(seconds)
        mark()
        busy = (time.process_time() - busy) / (time.monotonic() - began)
        loop.drain()
        return Result(round_trips=sorted(each / 1e6 for each in loop.round_trips), busy=busy, lost=loop.missing)

    def _listen(self, *, tls: ssl.SSLContext | None) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
        threading.Thread(target=self._accept, args=(listener, tls), daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while True:
            sock, _ = listener.accept()
            sock.settimeout(_PATIENCE_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            agent = _Agent(sock, tls=tls)
            protocol = ServerProtocol()
            protocol.receive_data(_read_head(agent.recv))
            request = next(iter(protocol.events_received()))
            if not isinstance(request, Request):
                raise SystemExit("no request came")
            protocol.send_response(protocol.accept(request))
            agent.send(b"".join(protocol.data_to_send()))
            self._accepted.put(agent)


class _Loop:
    """One thread that sends at its moments, sends back, times and counts."""

    def __init__(self, callers: list[socket.socket], agents: list[_Agent]) -> None:
        self.round_trips: array[int] = array("Q")
        self.missing = 0
        self._timed_from = 1 << 63
        self._slot = 0
        self._next_at = time.monotonic_ns()
        self._overrun = False
        self._from_caller = bytearray(_MASKED + bytes(PAYLOAD_BYTES))
        self._from_agent = bytearray(_PLAIN + bytes(PAYLOAD_BYTES))
        self._buffer = bytearray(_BUFFER_BYTES)
        self._rests: dict[int, bytes] = {}
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._timed: list[socket.socket] = []
        self._bulk: list[tuple[socket.socket, _Agent]] = []
        for number, (caller, agent) in enumerate(zip(callers, agents, strict=True)):
            caller.setblocking(False)
            agent.sock.setblocking(False)
            if number % _TIMED_EVERY:
                self._bulk.append((caller, agent))
            else:
                self._timed.append(caller)
                self._watch(caller, self._hear, caller)
                self._watch(agent.sock, self._send_back, agent)

    def start_timing(self) -> None:
        self._timed_from = time.monotonic_ns()

    def run(self, seconds: float) -> None:
        end = time.monotonic_ns() + int(seconds * 1e9)
        while (now := time.monotonic_ns()) < end and not self._overrun:
            if now >= self._next_at:
                self._send_slot()
                self._count_slot()
                self._slot += 1
                self._next_at += int(FRAME_SECONDS * 1e9 / _SLOTS)
            else:  # not a wait for sockets: to be woken for a frame costs both sides more than the frame
                time.sleep((self._next_at - now) / 1e9)
            self._turn()

    def drain(self) -> None:
        """Wait a while for what is still on its way."""
        end = time.monotonic() + 2
        while self.missing and time.monotonic() < end and not self._overrun:
            self._turn()
            for self._slot in range(_SLOTS * _COUNTING_SLOTS):
                self._count_slot()

    def _watch[T](self, sock: socket.socket, handle: Callable[[T], None], end: T) -> None:
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._handlers[sock.fileno()] = lambda: handle(end)

    def _turn(self) -> None:
        for fd, _ in self._epoll.poll(0):
            self._handlers[fd]()

    def _send_slot(self) -> None:
        try:
            self._send_frames()
        except BlockingIOError:  # so much is waiting that no buffer takes more: what is missing now will stay so
            self._overrun = True

    def _send_frames(self) -> None:
        for caller in self._timed[self._slot % _SLOTS :: _SLOTS]:
            struct.pack_into("!Q", self._from_caller, len(_MASKED), time.monotonic_ns())
            self.missing += 1
            _send(caller, self._from_caller)
        for caller, agent in self._bulk[self._slot % _SLOTS :: _SLOTS]:
            self.missing += 2
            _send(caller, self._from_caller)
            agent.send(self._from_agent)

    def _count_slot(self) -> None:
        """Read some of the streams that are not timed, so that each has its turn twice a second."""
        slots = _SLOTS * _COUNTING_SLOTS
        for caller, agent in self._bulk[self._slot % slots :: slots]:
            self._count(caller.fileno(), partial(_recv, caller), size=len(self._from_agent))
            self._count(agent.sock.fileno(), agent.recv, size=len(self._from_caller))

    def _count(self, fd: int, recv: Callable[[], bytes], *, size: int) -> None:
        try:
            data = self._rests.get(fd, b"") + recv()
        except BlockingIOError:
            return
        self.missing -= len(data) // size
        self._rests[fd] = data[len(data) // size * size :]

    def _hear(self, caller: socket.socket) -> None:
        for frame in self._frames(caller.fileno(), _recv(caller), size=len(self._from_agent)):
            (sent_at,) = struct.unpack_from("!Q", frame, len(_PLAIN))
            self.missing -= 1
            if sent_at >= self._timed_from:
                self.round_trips.append(time.monotonic_ns() - sent_at)

    def _send_back(self, agent: _Agent) -> None:
        for frame in self._frames(agent.sock.fileno(), agent.recv(), size=len(self._from_caller)):
            mask = frame[len(_MASKED) - 4 : len(_MASKED)]  # which is not zeros behind a pipe that masks anew
            sent_at = int.from_bytes(frame[len(_MASKED) :][:8]) ^ int.from_bytes(mask * 2)
            agent.send(_PLAIN + sent_at.to_bytes(8) + frame[len(_MASKED) + 8 :])

    def _frames(self, fd: int, data: bytes, *, size: int) -> list[bytes]:
        """The whole frames that have come."""
        data = self._rests.get(fd, b"") + data
        whole = len(data) // size * size
        self._rests[fd] = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]


def _call(port: int, path: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}{path}"))
    protocol.send_request(protocol.connect())
    sock.sendall(b"".join(protocol.data_to_send()))
    protocol.receive_data(_read_head(lambda: _recv(sock)))
    if protocol.handshake_exc or not protocol.events_received():
        raise SystemExit(f"a stream was refused: {protocol.handshake_exc!r}")
    return sock


def _read_head(recv: Callable[[], bytes]) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += recv()
    return head


def _send(sock: socket.socket, data: bytes | bytearray) -> None:
    if sock.send(data) < len(data):
        raise BlockingIOError


def _recv(sock: socket.socket) -> bytes:
    if data := sock.recv(_BUFFER_BYTES):
        return data
    raise SystemExit("a stream has ended")
