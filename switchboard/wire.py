"""What travels on the WebSocket: Pipecat's protobuf frames, and RTVI messages inside them."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from loguru import logger

# Pipecat greets on the log when it is imported; a command's output is its own.
logger.disable("pipecat")
# Generated code and protobuf itself carry no types; only this module touches them.
_frames = importlib.import_module("pipecat.frames.protobufs.frames_pb2")
_protobuf = importlib.import_module("google.protobuf.message")

SAMPLE_RATE = 16_000
"""Hz of the caller's audio, mono PCM16; the bot's frames say their own rate."""
FRAME_SECONDS = 0.02
FRAME_BYTES = int(SAMPLE_RATE * FRAME_SECONDS) * 2

RTVI_LABEL = "rtvi-ai"
RTVI_VERSION = "2.2.0"
"""RTVI protocol spoken (pipecat.processors.frameworks.rtvi.models.PROTOCOL_VERSION of Pipecat 1.14)."""


class WireError(ValueError):
    """The agent sent something that is not Pipecat's protobuf with mono PCM16 and RTVI messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAudio:
    """Mono PCM16."""

    pcm: bytes
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RtviMessage:
    """`type` and `data` of an RTVI message, e.g. bot-ready, user-transcription."""

    type: str
    data: Mapping[str, object]


def encode_audio(pcm: bytes) -> bytes:
    """A frame of the caller's audio, mono PCM16 at SAMPLE_RATE."""
    frame = _frames.Frame()
    frame.audio.audio = pcm
    frame.audio.sample_rate = SAMPLE_RATE
    frame.audio.num_channels = 1
    return bytes(frame.SerializeToString())


def encode_client_ready(*, message_id: str) -> bytes:
    """The RTVI message that tells the bot to begin."""
    data = {"version": RTVI_VERSION, "about": {"library": "switchboard"}}
    frame = _frames.Frame()
    frame.message.data = json.dumps({"label": RTVI_LABEL, "type": "client-ready", "id": message_id, "data": data})
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
            return _message(frame.message.data)
        case _:
            return None


def _audio(pcm: bytes, sample_rate: int, channels: int) -> BotAudio:
    if channels != 1 or sample_rate <= 0 or len(pcm) % 2:
        raise WireError(f"audio of {channels} channels at {sample_rate} Hz, where mono PCM16 is expected")
    return BotAudio(pcm=pcm, sample_rate=sample_rate)


def _message(text: str) -> RtviMessage | None:
    try:
        message = json.loads(text)
    except ValueError:
        raise WireError("a message that is not JSON") from None
    if not isinstance(message, dict) or message.get("label") != RTVI_LABEL:
        return None
    data = message.get("data")
    return RtviMessage(type=str(message.get("type")), data=data if isinstance(data, dict) else {})
