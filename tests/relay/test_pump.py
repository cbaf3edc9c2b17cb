"""The pump by itself, over real sockets: TLS's corners, ends of one side only, and what a stream leaves behind."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from relay.pump import BUFFER_BYTES, LINGER_SECONDS, QUIET_SECONDS, Pump, Stream
from tests.models.certificates import Certificates

_PATIENCE_SECONDS = 20


class Lines:
    """A stream between two ends of the test, moved by a pump that the test turns."""

    def __init__(self, certificates: Certificates) -> None:
        self.ended: list[str] = []
        self.pump = Pump()
        self.carrier, inner_carrier = _pair()
        outer, inner = _pair()
        self.agent, inner_agent = _tls(outer, inner, certificates)
        for sock in (self.carrier, inner_carrier, self.agent, inner_agent):
            sock.setblocking(False)
        self.stream = Stream(label="label", on_end=lambda stream: self.ended.append(stream.reason), now=0.0)
        self.pump.add(
            self.stream, carrier=inner_carrier, agentcore=inner_agent, to_carrier=b"accepted", to_agentcore=b""
        )
        self.inner = (inner_carrier, inner_agent)
        assert self.hear(self.carrier, 8) == b"accepted"

    def hear(self, end: socket.socket, size: int) -> bytes:
        """Turn until an end has heard so much, or the other side's end."""
        heard = b""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.pump.turn()
            with suppress(BlockingIOError, ssl.SSLWantReadError):
                data = end.recv(BUFFER_BYTES)
                heard += data
                if not data or len(heard) >= size:
                    return heard
        raise AssertionError(f"heard {len(heard)} of {size} bytes")

    def turn_until_ended(self) -> str:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.pump.turn()
            if self.ended:
                return self.ended[0]
        raise AssertionError("the stream has not ended")

    def close(self) -> None:
        for sock in (self.carrier, self.agent, *self.inner):
            sock.close()


def _pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    return one, other


def _tls(
    server: socket.socket, client: socket.socket, certificates: Certificates
) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    made: list[ssl.SSLSocket] = []
    context = certificates.server_context(alpn=["http/1.1"])
    thread = threading.Thread(target=lambda: made.append(context.wrap_socket(server, server_side=True)))
    thread.start()
    wrapped = ssl.create_default_context(cafile=certificates.bundle).wrap_socket(client, server_hostname="127.0.0.1")
    thread.join()
    return made[0], wrapped


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def lines(certificates: Certificates) -> Iterator[Lines]:
    lines = Lines(certificates)
    yield lines
    lines.close()


@pytest.mark.parametrize("size", [16_384, 3 * 16_384 + 1])
def test_records_of_the_largest_size_leave_nothing_behind_in_openssl(lines: Lines, size: int) -> None:
    data = os.urandom(size)
    lines.agent.setblocking(True)
    lines.agent.sendall(data)
    assert lines.hear(lines.carrier, len(data)) == data
    lines.carrier.setblocking(True)
    lines.carrier.sendall(data)
    assert lines.hear(lines.agent, len(data)) == data


def test_both_sides_may_be_slow_at_once(lines: Lines) -> None:
    data = os.urandom(BUFFER_BYTES)
    sent = dict.fromkeys((lines.carrier, lines.agent), 0)
    for end in sent:
        with suppress(BlockingIOError, ssl.SSLWantWriteError):
            while True:
                sent[end] += end.send(data[sent[end] % len(data) :])
                lines.pump.turn()
    for end, other in ((lines.carrier, lines.agent), (lines.agent, lines.carrier)):
        heard = lines.hear(end, sent[other])
        assert heard == (data * (len(heard) // len(data) + 1))[: sent[other]]


def test_one_side_may_end_first_and_still_hear_all(lines: Lines) -> None:
    """The agent has said much that the relay has not read yet, when the carrier ends its side."""
    data = os.urandom(60_000)
    lines.carrier.send(b"goodbye")
    lines.carrier.shutdown(socket.SHUT_WR)
    lines.agent.setblocking(True)
    lines.agent.sendall(data)
    assert lines.hear(lines.carrier, len(data)) == data
    lines.agent.setblocking(False)
    assert lines.hear(lines.agent, 7) == b"goodbye"
    assert lines.hear(lines.agent, 1) == b""
    assert not lines.ended
    lines.agent.close()
    assert lines.turn_until_ended() == "the carrier closed"


def test_an_agent_that_ends_first_gets_tls_s_last_word(lines: Lines) -> None:
    with pytest.raises(ssl.SSLWantReadError):
        lines.agent.unwrap()
    assert lines.hear(lines.carrier, 1) == b""
    lines.carrier.close()
    assert lines.turn_until_ended() == "AgentCore closed"
    lines.agent.unwrap()


def test_what_a_broken_side_would_have_got_is_let_go(lines: Lines) -> None:
    lines.carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    lines.carrier.close()  # a reset
    assert lines.hear(lines.agent, 1) == b""
    with suppress(OSError):
        lines.agent.send(bytes(10_000))
    lines.agent.close()
    assert lines.turn_until_ended() == "the carrier was lost"


def test_a_reset_while_the_other_side_is_slow_doesn_t_keep_the_pump_busy(lines: Lines) -> None:
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += lines.carrier.send(bytes(BUFFER_BYTES))
            lines.pump.turn()
    lines.carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    lines.carrier.close()
    lines.pump.turn()
    polls = _count_polls(lines.pump)
    for _ in range(100):
        lines.pump.turn()
    assert sum(polls) == 0


def _count_polls(pump: Pump) -> list[int]:
    """The numbers of events that the pump's next turns get."""
    events: list[int] = []
    epoll = pump._epoll

    class Counting:
        def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
            found = epoll.poll(timeout, most)
            events.append(len(found))
            return found

        def __getattr__(self, name: str) -> object:
            return getattr(epoll, name)

    pump._epoll = Counting()  # type: ignore[assignment]
    return events


def test_a_stream_leaves_no_descriptor_behind(certificates: Certificates) -> None:
    lines = Lines(certificates)
    before = len(os.listdir("/proc/self/fd"))
    lines.carrier.close()
    lines.hear(lines.agent, 1)
    lines.agent.close()
    lines.turn_until_ended()
    assert len(lines.pump) == 0
    assert [sock.fileno() for sock in lines.inner] == [-1, -1]
    assert before - len(os.listdir("/proc/self/fd")) == 4
    lines.pump.sweep(now=1e9)
    assert lines.ended == ["the carrier closed"]


def test_a_quiet_stream_is_ended_after_its_time_and_no_other(lines: Lines) -> None:
    lines.pump.sweep(now=QUIET_SECONDS - 1)
    lines.carrier.send(b"audio")
    lines.hear(lines.agent, 5)
    lines.pump.sweep(now=QUIET_SECONDS)
    lines.pump.sweep(now=2 * QUIET_SECONDS - 1)
    assert not lines.ended
    lines.pump.sweep(now=2 * QUIET_SECONDS)
    assert lines.ended == ["quiet"]


def test_one_side_has_some_seconds_to_end_after_the_other(lines: Lines) -> None:
    lines.agent.close()
    lines.hear(lines.carrier, 1)
    lines.pump.sweep(now=1)
    lines.pump.sweep(now=LINGER_SECONDS)
    assert not lines.ended
    lines.pump.sweep(now=1 + LINGER_SECONDS)
    assert lines.ended == ["AgentCore closed"]


def test_the_memory_of_a_turn_is_one_buffer(lines: Lines) -> None:
    import tracemalloc

    frame = bytes(348)
    lines.carrier.send(frame)
    lines.hear(lines.agent, len(frame))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            lines.carrier.send(frame)
            lines.pump.turn()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2_000
    assert peak - before < 4_000
