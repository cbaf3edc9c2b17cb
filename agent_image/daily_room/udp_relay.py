"""Carries UDP between programs of this machine and one server, for a program that can't reach the server by itself."""

import asyncio
import errno
import logging
import socket
from dataclasses import dataclass

_logger = logging.getLogger("switchboard")

# One port is one allocation attempt of libwebrtc: for each network, TURN server and peer connection, and again when ICE
# is restarted. A call needs fewer than ten at a time.
_MOST_PORTS = 64
# RFC 8656, 3.3: an allocation lasts 600 s without being renewed. A port that was silent for longer has none.
_IDLE_SECONDS = 660.0
_SWEEP_SECONDS = 60.0
# So that other work of the loop waits no longer than a millisecond or two.
_MOST_AT_ONCE = 32
_LARGEST_DATAGRAM = 65_535


@dataclass(slots=True, eq=False)
class _Way:
    """The socket to the server that belongs to one local port, and when it was last used (the loop's time)."""

    socket: socket.socket
    used: float


class UdpRelay:
    """A local address that stands for a server.

    Only programs of this machine are served, and nothing is sent but to the server: what comes from another machine is
    ignored, and what comes from anyone but the server never gets past the kernel. A datagram that can't be passed on is
    lost, as UDP may do; whoever needs an answer asks again. `host` and `port` are where it listens; `sent`, `received`
    and `lost` count datagrams.
    """

    def __init__(self, *, host: str, server: tuple[str, int]) -> None:
        """Listen on this address of the machine, on a port that is free, until `close`.

        `server` is an IPv4 or IPv6 address, and a port. Raises `OSError` when `host` is no address of this machine.
        """
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._ways: dict[tuple[str, int], _Way] = {}
        self._buffer = memoryview(bytearray(_LARGEST_DATAGRAM))
        self.sent = self.received = self.lost = 0
        self._listener = _bound_socket(host)
        self.host, self.port = self._listener.getsockname()[:2]
        self._loop.add_reader(self._listener, self._pass_on)
        self._sweep_timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    @property
    def ports(self) -> int:
        """How many local ports it serves now."""
        return len(self._ways)

    def close(self) -> None:
        """Close every socket. Does nothing the second time."""
        if self._listener.fileno() < 0:
            return
        self._sweep_timer.cancel()
        for client in list(self._ways):
            self._forget(client)
        self._loop.remove_reader(self._listener)
        self._listener.close()
        _logger.info("UDP relay closed: %d datagrams sent, %d received, %d lost", self.sent, self.received, self.lost)

    def _pass_on(self) -> None:
        """What programs of this machine sent goes to the server."""
        for _ in range(_MOST_AT_ONCE):
            try:
                size, client = self._listener.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            way = self._ways.get(client) or self._open(client)
            if way is None:
                continue
            way.used = self._loop.time()
            datagram = self._buffer[:size]
            # A socket may report what an earlier datagram met, and hasn't sent this one then.
            if _is_sent(way.socket, datagram) or _is_sent(way.socket, datagram):
                self.sent += 1
            else:
                self.lost += 1

    def _pass_back(self, way: _Way, client: tuple[str, int]) -> None:
        """What the server sent on this way goes to the program whose it is."""
        for _ in range(_MOST_AT_ONCE):
            try:
                size = way.socket.recv_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error: what it is about is lost already
                self.lost += 1
                continue
            way.used = self._loop.time()
            try:
                self._listener.sendto(self._buffer[:size], client)
                self.received += 1
            except OSError:
                self.lost += 1

    def _open(self, client: tuple[str, int]) -> _Way | None:
        """A way for this program, in place of the one that was silent longest if there are too many."""
        if not _is_of_this_machine(client):
            self.lost += 1
            return None
        if len(self._ways) >= _MOST_PORTS:
            self._forget(min(self._ways, key=lambda each: self._ways[each].used))
        upstream = socket.socket(_family(self._server[0]), socket.SOCK_DGRAM)
        upstream.setblocking(False)
        try:
            upstream.connect(self._server)
        except OSError:
            upstream.close()
            self.lost += 1
            return None
        way = self._ways[client] = _Way(socket=upstream, used=self._loop.time())
        self._loop.add_reader(upstream, self._pass_back, way, client)
        return way

    def _forget(self, client: tuple[str, int]) -> None:
        way = self._ways.pop(client)
        self._loop.remove_reader(way.socket)
        way.socket.close()

    def _sweep(self) -> None:
        oldest = self._loop.time() - _IDLE_SECONDS
        for client in [client for client, way in self._ways.items() if way.used < oldest]:
            self._forget(client)
        self._sweep_timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep)


def _bound_socket(host: str) -> socket.socket:
    listener = socket.socket(_family(host), socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        listener.bind((host, 0))
    except OSError:
        listener.close()
        raise
    return listener


def _is_sent(upstream: socket.socket, datagram: memoryview) -> bool:
    """Whether the kernel took it: not if it is too big, has no route, or the buffer is full."""
    try:
        upstream.send(datagram)
    except OSError:
        return False
    return True


def _is_of_this_machine(client: tuple[str, int]) -> bool:
    """Whether the sender's address is one of this machine's own: no other can be bound."""
    with socket.socket(_family(client[0]), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((client[0], 0, *client[2:]))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return False
            raise
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
