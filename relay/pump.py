"""Moves bytes between pairs of sockets: no frame is read, none is kept, and one buffer serves all streams.

A frame that a client sends is masked, one that a server sends is not. The relay is a server to the carrier and a client
to AgentCore, and neither side has an extension, so every frame is right for the other side as it stands.
"""

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial

BUFFER_BYTES = 16_384
"""What a TLS record holds at most (RFC 8446, section 5.1). One read takes a whole record, so OpenSSL, which reads no
further, keeps nothing back that the kernel would not tell of. It is also the most that is kept for a slow receiver."""

QUIET_SECONDS = 60
"""After so long without a byte either way a stream is dead: a carrier sends audio all the time, silence too."""

LINGER_SECONDS = 10
"""What one side has to end, too, once the other has."""

_EVENTS_A_TURN = 256
"""After so many, whatever else the loop has to do gets its turn."""


class Stream:
    """A carrier's socket and AgentCore's; `on_end` is called once, when both are closed."""

    def __init__(self, *, label: str, on_end: Callable[["Stream"], None], now: float) -> None:
        self.label = label
        self.on_end = on_end
        self.reason = ""
        self.ends: tuple[_End, ...] = ()
        self.moved = 0
        self.moved_at = now
        self.lingers_until = float("inf")

    @property
    def bytes_received(self) -> tuple[int, ...]:
        """From the carrier, and from AgentCore."""
        return tuple(end.received for end in self.ends)


class _End:
    """One of a stream's sockets; what its peer receives goes out here, and `unsent` is what it could not take yet."""

    __slots__ = (
        "ended", "fd", "name", "peer", "reads_on", "receive", "received", "send", "shut", "sock", "stream", "unsent",
        "watched",
    )  # fmt: skip
    peer: "_End"

    def __init__(self, name: str, sock: socket.socket, *, stream: Stream, unsent: bytes) -> None:
        self.name = name
        self.sock = sock
        self.fd = sock.fileno()
        self.stream = stream
        # A socket's own methods are C, but SSLSocket's are layers of Python over those of this object, and would take a
        # fifth of the time of a frame.
        tls = getattr(sock, "_sslobj", None)
        self.receive: Callable[[bytearray], int] = partial(tls.read, BUFFER_BYTES) if tls else sock.recv_into
        self.send: Callable[[memoryview | bytes], int] = tls.write if tls else sock.send
        self.received = 0
        self.unsent = unsent
        self.ended = False
        self.shut = False
        self.watched = 0
        self.reads_on = select.EPOLLIN


class Pump:
    """All streams of a process. Not thread-safe."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ends: dict[int, _End] = {}
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)

    def __len__(self) -> int:
        return len(self._ends) // 2

    def add(
        self,
        stream: Stream,
        *,
        carrier: socket.socket,
        agentcore: socket.socket,
        to_carrier: bytes,
        to_agentcore: bytes,
    ) -> None:
        """Begin to move; what is given here goes before anything that comes from now on."""
        one = _End("the carrier", carrier, stream=stream, unsent=to_carrier)
        other = _End("AgentCore", agentcore, stream=stream, unsent=to_agentcore)
        one.peer, other.peer = other, one
        stream.ends = (one, other)
        for end in stream.ends:
            self._ends[end.fd] = end
        for end in stream.ends:
            self._watch(end)

    def turn(self) -> None:
        """Move what has come; to be called again and again while there are streams."""
        for fd, _ in self._epoll.poll(0, _EVENTS_A_TURN):
            if end := self._ends.get(fd):  # an earlier event of this turn may have closed it
                if end.unsent:
                    self._send_rest(end)
                if not end.ended and not end.peer.unsent:
                    self._move(end, end.peer)

    def sweep(self, *, now: float) -> None:
        """End the streams that are dead or linger; to be called every few seconds."""
        for stream in {end.stream for end in self._ends.values()}:
            moved = sum(stream.bytes_received)
            if moved != stream.moved:
                stream.moved, stream.moved_at = moved, now
            if stream.reason and not any(end.unsent for end in stream.ends):  # one side has ended, the other knows
                stream.lingers_until = min(stream.lingers_until, now + LINGER_SECONDS)
            if now - stream.moved_at >= QUIET_SECONDS:
                stream.reason = stream.reason or "quiet"
                self._close(stream)
            elif now >= stream.lingers_until:
                self._close(stream)

    def _move(self, end: _End, peer: _End) -> None:
        """One read here and one write over there, which is nearly always all that there is to a frame."""
        try:
            size = end.receive(self._buffer)
        except OSError as error:
            self._not_received(end, error)
            return
        if not size:
            self._end(end, f"{end.name} closed")
            return
        end.received += size
        try:
            sent = peer.send(self._view[:size])
        except OSError as error:
            self._not_sent(peer, error, size=size)
        else:
            if sent < size:
                self._keep(peer, self._view[sent:size])

    def _keep(self, end: _End, data: memoryview) -> None:
        """Keep what could not be sent; the peer is not read until it has gone."""
        end.unsent = bytes(data)
        self._watch(end)
        self._watch(end.peer)

    def _not_received(self, end: _End, error: OSError) -> None:
        if isinstance(error, BlockingIOError | ssl.SSLWantReadError):
            end.reads_on = select.EPOLLIN
            self._watch(end)
        elif isinstance(error, ssl.SSLWantWriteError):  # OpenSSL has to answer a KeyUpdate before it reads on
            end.reads_on = select.EPOLLOUT
            self._watch(end)
        elif isinstance(error, ssl.SSLEOFError):  # many a server leaves TLS's own last word out
            self._end(end, f"{end.name} closed")
        else:
            self._lose(end)

    def _not_sent(self, end: _End, error: OSError, *, size: int) -> None:
        if isinstance(error, BlockingIOError | ssl.SSLWantWriteError):
            self._keep(end, self._view[:size])
        else:
            self._lose(end)

    def _send_rest(self, end: _End) -> None:
        try:
            sent = end.send(end.unsent)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._lose(end)
            return
        end.unsent = end.unsent[sent:]
        if not end.unsent:
            self._settle(end.stream)

    def _lose(self, end: _End) -> None:
        """Go on without an end that is broken: its peer is read until it ends, too, and what comes is let go."""
        end.unsent = b""
        self._end(end, f"{end.name} was lost")

    def _end(self, end: _End, reason: str) -> None:
        end.ended = True
        end.stream.reason = end.stream.reason or reason
        self._settle(end.stream)

    def _settle(self, stream: Stream) -> None:
        """Hand the end of one side on to the other once that has got everything, and close when both have ended."""
        for end in stream.ends:
            if end.peer.ended and not end.unsent and not end.shut:
                end.shut = True
                _shut(end)
        if all(end.ended and not end.unsent for end in stream.ends):
            self._close(stream)
        for end in stream.ends:
            self._watch(end)

    def _watch(self, end: _End) -> None:
        """Have the kernel tell of what the end waits for, and of nothing else: of a loss it would tell forever."""
        if end.fd not in self._ends:
            return
        wanted = end.reads_on if not end.ended and not end.peer.unsent else 0
        if end.unsent:
            wanted |= select.EPOLLOUT
        if wanted == end.watched:
            return
        if not end.watched:
            self._epoll.register(end.fd, wanted)
        elif wanted:
            self._epoll.modify(end.fd, wanted)
        else:
            self._epoll.unregister(end.fd)
        end.watched = wanted

    def _close(self, stream: Stream) -> None:
        for end in stream.ends:
            if self._ends.pop(end.fd, None) is None:
                return
            end.ended = True
            end.sock.close()  # which takes it out of the epoll, too
        stream.on_end(stream)


def _shut(end: _End) -> None:
    """End what is sent; what the other side still sends can be read.

    That is said by TCP alone as long as there may be something to read: OpenSSL's own last word is not sent without
    looking for the other side's, and what it finds instead it throws away.
    """
    if end.ended and isinstance(end.sock, ssl.SSLSocket):
        with suppress(OSError, ValueError):
            end.sock.unwrap()
    with suppress(OSError):
        socket.socket.shutdown(end.sock, socket.SHUT_WR)  # SSLSocket's own would stop reading, too
