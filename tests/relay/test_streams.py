"""What goes in at one end of a stream comes out at the other, byte for byte."""

import asyncio
import hashlib
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from tests.relay.process import RelayProcess, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SIZES = st.sampled_from((0, 1, 125, 126, 340, 65_535, 65_536, 100_000))
_CONTROLS = st.builds(Frame, st.sampled_from((Opcode.PING, Opcode.PONG)), st.binary(max_size=125))
_MEGABYTE = 1_000_000
_EIGHT_MEGABYTES = 8 * _MEGABYTE


def noise(size: int, *, seed: int) -> bytes:
    """Bytes of which no part is like another."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


@st.composite
def messages(draw: st.DrawFn) -> list[Frame]:
    """The frames of one message: whole or in fragments, with control frames between those."""
    data = noise(draw(_SIZES), seed=draw(st.integers(0)))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    frames = []
    for number, piece in enumerate(pieces):
        opcode = Opcode.CONT if number else draw(st.sampled_from((Opcode.TEXT, Opcode.BINARY)))
        frames += [Frame(opcode, piece, fin=number == len(pieces) - 1), *draw(st.lists(_CONTROLS, max_size=1))]
    return frames


@st.composite
def segments(draw: st.DrawFn, *, mask: bool) -> list[bytes]:
    """Some messages on the wire, cut anywhere."""
    frames = [frame for message in draw(st.lists(messages(), min_size=1, max_size=3)) for frame in message]
    wire = b"".join(frame.serialize(mask=mask) for frame in frames)
    cuts = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    return [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@given(to_agent=segments(mask=True), to_carrier=segments(mask=False))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_frames_of_all_kinds_arrive_byte_for_byte(
    relay: RelayProcess, to_agent: list[bytes], to_carrier: list[bytes]
) -> None:
    carrier, agent = await relay.stream()

    async def feed(end: object, pieces: list[bytes]) -> None:
        for piece in pieces:
            await end.send(piece)  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(feed(carrier, to_agent))
        group.create_task(feed(agent, to_carrier))
        heard_by_agent = group.create_task(agent.reader.readexactly(sum(map(len, to_agent))))
        heard_by_carrier = group.create_task(carrier.reader.readexactly(sum(map(len, to_carrier))))
    assert heard_by_agent.result() == b"".join(to_agent)
    assert heard_by_carrier.result() == b"".join(to_carrier)
    carrier.close()
    agent.close()


async def test_what_comes_with_a_handshake_is_not_lost(relay: RelayProcess) -> None:
    relay.cloud.agentcore.greeting = b"at once"
    try:
        carrier, agent = await relay.stream(early=b"before the answer")
    finally:
        relay.cloud.agentcore.greeting = b""
    async with asyncio.timeout(20):
        assert await carrier.reader.readexactly(7) == b"at once"
        assert await agent.reader.readexactly(17) == b"before the answer"
    carrier.close()


async def test_a_call_s_headers_reach_the_agent(relay: RelayProcess) -> None:
    carrier, agent = await relay.stream(body="eyJuYW1lIjoiQSJ9")
    assert agent.custom["custom-body"] == "eyJuYW1lIjoiQSJ9"
    assert agent.custom.keys() == {"custom-phone", "custom-body"}
    carrier.close()
    carrier, agent = await relay.stream()
    assert agent.custom.keys() == {"custom-phone"}
    carrier.close()


@pytest.mark.parametrize("sender", ["carrier", "agent"])
async def test_a_slow_reader_slows_the_sender_and_loses_nothing(relay: RelayProcess, sender: str) -> None:
    carrier, agent = await relay.stream()
    source, sink = (carrier, agent) if sender == "carrier" else (agent, carrier)
    bound_buffers(source.writer, sink.writer)
    sink.reader._transport.pause_reading()  # type: ignore[attr-defined]
    data = noise(_EIGHT_MEGABYTES, seed=1)
    before = relay.resident_kilobytes()
    sending = asyncio.create_task(source.send(data))
    waiting = await no_longer_shrinking(source.writer)
    assert 0 < len(data) - waiting < _MEGABYTE, "more was taken than the kernel's buffers hold"
    assert relay.resident_kilobytes() - before < 1_000
    sink.reader._transport.resume_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        heard = await sink.reader.readexactly(len(data))
        await sending
    assert hashlib.sha256(heard).digest() == hashlib.sha256(data).digest()
    carrier.close()
    agent.close()


def bound_buffers(*writers: asyncio.StreamWriter) -> None:
    """The ends of a test hold little, so that what is taken from a sender can only lie in the relay's own buffers."""
    for writer in writers:
        sock = writer.get_extra_info("socket")
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, 65_536)


async def no_longer_shrinking(writer: asyncio.StreamWriter) -> int:
    """The bytes that a sender still holds once they have stayed the same for a while."""
    protocol = getattr(writer.transport, "_ssl_protocol", None)
    transport = protocol._transport if protocol else writer.transport  # with TLS, what waits to be sent is down there
    sizes = [-1]
    while sizes[-5:] != [transport.get_write_buffer_size()] * 5:
        sizes.append(transport.get_write_buffer_size())
        await asyncio.sleep(0.1)
    return sizes[-1]


async def test_other_streams_go_on_while_one_is_slow(relay: RelayProcess) -> None:
    stuck_carrier, stuck_agent = await relay.stream()
    stuck_agent.reader._transport.pause_reading()  # type: ignore[attr-defined]
    sending = asyncio.create_task(stuck_carrier.send(bytes(_EIGHT_MEGABYTES)))
    await until(lambda: stuck_carrier.writer.transport.get_write_buffer_size() > 0)
    carrier, agent = await relay.stream()
    async with asyncio.timeout(20):
        await carrier.send(b"hello")
        assert await agent.reader.readexactly(5) == b"hello"
    sending.cancel()
    for end in (carrier, stuck_carrier):
        end.abort()


async def test_a_close_frame_and_the_end_pass_in_both_directions(relay: RelayProcess) -> None:
    carrier, agent = await relay.stream()
    close = Frame(Opcode.CLOSE, b"\x03\xe8")
    async with asyncio.timeout(20):
        await carrier.send(close.serialize(mask=True))
        await agent.reader.readexactly(len(close.serialize(mask=True)))
        await agent.send(close.serialize(mask=False))
        agent.close()  # the server closes first (RFC 6455, section 7.1.1)
        assert await carrier.reader.read() == close.serialize(mask=False)
        carrier.close()
    await until(lambda: any(line["reason"] == "AgentCore closed" for line in relay.messages("stream ended")))


async def test_what_the_agent_still_says_reaches_a_carrier_that_has_ended_its_side(relay: RelayProcess) -> None:
    carrier, agent = await relay.stream()
    async with asyncio.timeout(20):
        await carrier.send(b"question")
        carrier.writer.write_eof()
        assert await agent.reader.read() == b"question"


@pytest.mark.parametrize("lost", ["carrier", "agent"])
async def test_the_loss_of_one_side_ends_the_other_at_once(relay: RelayProcess, lost: str) -> None:
    carrier, agent = await relay.stream()
    gone, other = (carrier, agent) if lost == "carrier" else (agent, carrier)
    await gone.send(b"last words")
    async with asyncio.timeout(20):
        assert await other.reader.readexactly(10) == b"last words"
        await other.send(b"x" * 100)
        await gone.reader.readexactly(100)
        gone.abort()
        assert await other.reader.read() == b""
    other.close()


async def test_two_hundred_streams_at_once(relay: RelayProcess) -> None:
    async def talk(number: int) -> None:
        carrier, agent = await relay.stream()
        word = f"stream {number:04}".encode()
        for _ in range(10):
            await carrier.send(word)
            assert await agent.reader.readexactly(len(word)) == word
            await agent.send(word[::-1])
            assert await carrier.reader.readexactly(len(word)) == word[::-1]
        carrier.close()
        assert await agent.reader.read() == b""
        agent.close()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(talk(number))
