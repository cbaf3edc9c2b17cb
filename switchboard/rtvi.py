"""The RTVI messages of a call, which are the same JSON over every transport."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

RTVI_LABEL = "rtvi-ai"
RTVI_VERSION = "2.2.0"
"""RTVI protocol spoken (pipecat.processors.frameworks.rtvi.models.PROTOCOL_VERSION of Pipecat 1.14)."""


class WireError(ValueError):
    """The agent sent something that is not what Pipecat's transport sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtviMessage:
    """`type` and `data` of an RTVI message, e.g. bot-ready, user-transcription."""

    type: str
    data: Mapping[str, object]


def client_ready() -> str:
    """The message that tells the bot to begin."""
    data = {"version": RTVI_VERSION, "about": {"library": "switchboard"}}
    return json.dumps({"label": RTVI_LABEL, "type": "client-ready", "id": "1", "data": data})


def json_message(text: str | bytes) -> Mapping[str, object]:
    """What a message holds; empty for JSON that is not an object. Raises WireError."""
    try:
        message = json.loads(text)
    except ValueError:
        raise WireError("a message that is not JSON") from None
    return message if isinstance(message, dict) else {}


def rtvi_message(message: Mapping[str, object]) -> RtviMessage | None:
    """The RTVI message; None for what is labelled otherwise."""
    if message.get("label") != RTVI_LABEL:
        return None
    data = message.get("data")
    return RtviMessage(type=str(message.get("type")), data=data if isinstance(data, dict) else {})
