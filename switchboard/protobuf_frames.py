"""What travels on the WebSocket: Pipecat's protobuf frames, with RTVI messages inside them."""

import importlib

from loguru import logger

from switchboard.audio import SAMPLE_RATE, BotAudio
from switchboard.rtvi import RtviMessage, WireError, json_message, rtvi_message

# Pipecat greets on the log when it is imported; a command's output is its own.
logger.disable("pipecat")
# Generated code and protobuf itself carry no types; only this module touches them.
_frames = importlib.import_module("pipecat.frames.protobufs.frames_pb2")
_protobuf = importlib.import_module("google.protobuf.message")


def encode_audio(pcm: bytes) -> bytes:
    """A frame of the caller's audio, mono PCM16 at SAMPLE_RATE."""
    frame = _frames.Frame()
    frame.audio.audio = pcm
    frame.audio.sample_rate = SAMPLE_RATE
    frame.audio.num_channels = 1
    return bytes(frame.SerializeToString())


def encode_message(text: str) -> bytes:
    """A frame that holds a JSON message."""
    frame = _frames.Frame()
    frame.message.data = text
    return bytes(frame.SerializeToString())


def decode(data: bytes | str) -> BotAudio | RtviMessage | None:
    """What the frame holds; None for kinds a caller has no use for (text, transcription, interruption).

    Raises WireError.
    """
    if isinstance(data, str):
        raise WireError("a text frame, where Pipecat's protobuf is binary")
    try:
        frame = _frames.Frame.FromString(data)
    except _protobuf.DecodeError:
        raise WireError("a binary frame that is not Pipecat's protobuf") from None
    match frame.WhichOneof("frame"):
        case "audio":
            return _audio(frame.audio.audio, frame.audio.sample_rate, frame.audio.num_channels)
        case "message":
            return rtvi_message(json_message(frame.message.data))
        case _:
            return None


def _audio(pcm: bytes, sample_rate: int, channels: int) -> BotAudio:
    if channels != 1 or sample_rate <= 0 or len(pcm) % 2:
        raise WireError(f"audio of {channels} channels at {sample_rate} Hz, where mono PCM16 is expected")
    return BotAudio(pcm=pcm, sample_rate=sample_rate)
