"""Non-blocking sockets, plain or TLS, for as long as a stream is being set up."""

import asyncio
import socket
import ssl
from collections.abc import Callable

MAX_HEAD_BYTES = 16_384

_BUFFER_BYTES = 65_536
"""What the kernel holds a direction (Linux doubles it); left alone it would hold megabytes for a slow receiver."""

_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000),
)


class HeadError(Exception):
    """No HTTP head came: the connection ended before, or the head is too long."""


def listen(*, host: str, port: int) -> socket.socket:
    """A socket that carriers connect to; what it accepts has its buffers."""
    listener = socket.create_server((host, port), backlog=1_024)
    _bound_buffers(listener)
    listener.setblocking(False)
    return listener


def prepare(sock: socket.socket) -> None:
    """Send small frames at once, and notice a dead peer within a minute."""
    sock.setblocking(False)
    for level, option, value in _OPTIONS:
        sock.setsockopt(level, option, value)


async def connect(*, host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket:
    """A connection, past its TLS handshake where there is one; raises `OSError` for the last address that failed."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            _bound_buffers(sock)
            prepare(sock)
            await loop.sock_connect(sock, address)
            return sock if tls is None else await _start_tls(sock, tls=tls, host=host)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


async def read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    """An HTTP head with the empty line behind it, and what came with it; raises `HeadError` and `OSError`."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) >= MAX_HEAD_BYTES:
            raise HeadError("too long")
        data = await _complete(sock, lambda: sock.recv(MAX_HEAD_BYTES))
        if not data:
            raise HeadError("no whole head")
        received += data
    return received[: end + 4], received[end + 4 :]


async def send_all(sock: socket.socket, data: bytes) -> None:
    """Send everything; raises `OSError`."""
    while data:
        sent = await _complete(sock, lambda: sock.send(data), sends=True)  # noqa: B023 - it is called at once
        data = data[sent:]


def _bound_buffers(sock: socket.socket) -> None:
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)


async def _start_tls(sock: socket.socket, *, tls: ssl.SSLContext, host: str) -> socket.socket:
    wrapped = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        await _complete(wrapped, wrapped.do_handshake)
    except BaseException:
        wrapped.close()  # the plain socket has handed its descriptor over
        raise
    return wrapped


async def _complete[T](sock: socket.socket, operation: Callable[[], T], *, sends: bool = False) -> T:
    """Call a non-blocking operation until it needn't wait for the socket."""
    while True:
        try:
            return operation()
        except ssl.SSLWantReadError:
            await _ready(sock, writable=False)
        except ssl.SSLWantWriteError:
            await _ready(sock, writable=True)
        except BlockingIOError:
            await _ready(sock, writable=sends)


async def _ready(sock: socket.socket, *, writable: bool) -> None:
    loop = asyncio.get_running_loop()
    add, remove = (loop.add_writer, loop.remove_writer) if writable else (loop.add_reader, loop.remove_reader)
    ready = asyncio.Event()
    add(sock, ready.set)
    try:
        await ready.wait()
    finally:
        remove(sock)
