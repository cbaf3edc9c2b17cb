"""The wire format against Pipecat's own serializer and RTVI models."""

import pipecat.processors.frameworks.rtvi.models as rtvi
import pytest
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.protobuf import ProtobufFrameSerializer

from switchboard.audio import BotAudio
from switchboard.protobuf_frames import decode, encode_audio, encode_message
from switchboard.rtvi import RTVI_VERSION, RtviMessage, WireError, client_ready


async def serialized(frame: OutputAudioRawFrame | OutputTransportMessageUrgentFrame | InterruptionFrame) -> bytes:
    data = await ProtobufFrameSerializer().serialize(frame)
    assert isinstance(data, bytes)
    return data


async def test_pipecat_reads_the_caller_s_audio() -> None:
    frame = await ProtobufFrameSerializer().deserialize(encode_audio(b"\1\2" * 320))
    assert isinstance(frame, InputAudioRawFrame)
    assert (frame.audio, frame.sample_rate, frame.num_channels) == (b"\1\2" * 320, 16_000, 1)


async def test_pipecat_reads_client_ready() -> None:
    frame = await ProtobufFrameSerializer().deserialize(encode_message(client_ready()))
    assert isinstance(frame, InputTransportMessageFrame)
    message = rtvi.Message.model_validate(frame.message)
    assert (message.type, message.id) == ("client-ready", "1")
    assert rtvi.ClientReadyData.model_validate(message.data).version == RTVI_VERSION == rtvi.PROTOCOL_VERSION


async def test_pipecat_s_audio_is_read() -> None:
    data = await serialized(OutputAudioRawFrame(audio=b"\1\2\3\4", sample_rate=24_000, num_channels=1))
    assert decode(data) == BotAudio(pcm=b"\1\2\3\4", sample_rate=24_000)


async def test_pipecat_s_rtvi_messages_are_read() -> None:
    ready = rtvi.BotReady(id="1", data=rtvi.BotReadyData(version="2.2.0")).model_dump(exclude_none=True)
    assert decode(await serialized(OutputTransportMessageUrgentFrame(message=ready))) == RtviMessage(
        type="bot-ready", data={"version": "2.2.0"}
    )
    stopped = rtvi.UserStoppedSpeakingMessage().model_dump()
    assert decode(await serialized(OutputTransportMessageUrgentFrame(message=stopped))) == RtviMessage(
        type="user-stopped-speaking", data={}
    )


async def test_other_frames_and_messages_are_passed_over() -> None:
    assert decode(await serialized(InterruptionFrame())) is None
    assert decode(await serialized(OutputTransportMessageUrgentFrame(message={"label": "other"}))) is None


async def test_what_is_not_the_protocol_is_refused() -> None:
    stereo = await serialized(OutputAudioRawFrame(audio=bytes(8), sample_rate=16_000, num_channels=2))
    for data, words in (("{}", "text frame"), (b"\xff\xff", "not Pipecat's protobuf"), (stereo, "2 channels")):
        with pytest.raises(WireError, match=words):
            decode(data)
