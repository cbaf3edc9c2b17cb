"""The voice's jitter buffer, beside aiortc's own, with packets of 20 ms that come in order, late or never."""

import pytest
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import RtpPacket

import jitter_buffer
from jitter_buffer import VoiceBuffer, create_buffer

FIRST = 65_530  # sequence numbers soon start again at 0


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=(FIRST + number) % 65_536, timestamp=960 * number)
    made._data = bytes([number])  # type: ignore[attr-defined]
    return made


def given_out(buffer: JitterBuffer, *numbers: int) -> list[int | None]:
    """Which packet comes out when each of these comes in."""
    frames = [buffer.add(packet(number))[1] for number in numbers]
    return [frame.data[0] if frame else None for frame in frames]


def test_a_packet_that_is_next_waits_for_nothing() -> None:
    assert given_out(VoiceBuffer(4), *range(12)) == list(range(12))
    assert given_out(JitterBuffer(16, 4), *range(6)) == [None, None, None, None, 0, 1]


@pytest.mark.parametrize("order", [(0, 2, 1, 3, 4), (0, 2, 3, 4, 1, 5)])
def test_packets_that_overtake_each_other_come_out_in_order(order: tuple[int, ...]) -> None:
    frames = [number for number in given_out(VoiceBuffer(4), *order, 6, 7, 8) if number is not None]

    assert frames == list(range(len(frames)))
    assert len(frames) >= len(order)


def test_a_lost_packet_costs_itself_and_at_most_three_packets_of_delay() -> None:
    arrivals = [number for number in range(60) if number != 3]
    frames = given_out(VoiceBuffer(4), *arrivals)
    aiortcs = given_out(JitterBuffer(16, 4), *arrivals)

    assert [number for number in frames if number is not None] == [number for number in range(57) if number != 3]
    assert frames[-1] == 59 - 3
    assert aiortcs[-1] == 59 - 14  # what is corrected here


def test_a_packet_that_comes_after_its_turn_is_dropped() -> None:
    assert given_out(VoiceBuffer(4), 0, 2, 3, 4, 5, 1, 6) == [0, None, None, None, 2, None, 3]


def test_video_keeps_the_buffer_of_aiortc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiortc.rtcrtpreceiver.JitterBuffer", JitterBuffer)
    jitter_buffer.install()

    assert RTCRtpReceiver.__init__.__globals__["JitterBuffer"] is create_buffer
    assert type(create_buffer(capacity=512, is_video=True)) is JitterBuffer
    assert type(create_buffer(capacity=16, prefetch=4)) is VoiceBuffer
