"""Recognises a carrier by the first messages of its stream, and takes not one message more: audio comes right behind.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
https://www.plivo.com/docs/voice/audio-streaming/audio-streaming
https://developer.vonage.com/en/voice/voice-api/guides/websockets
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket

from calls import RefusalError
from phone import Carrier, Encoding, PhoneStream, StreamCarrier

RECOGNITION_SECONDS = 5.0
_MOST_CHARACTERS = 16_384
_L16 = "audio/l16"
_CONTENT_TYPE = re.compile(rf"{_L16};\s*rate=(\d{{4,5}})")
# What Pipecat's serializers can read. Telnyx announces other codecs too, and Plivo can be asked for L16.
_FORMATS: Mapping[StreamCarrier, Mapping[tuple[str, int], Encoding]] = {
    "plivo": {("audio/x-mulaw", 8_000): "PCMU"},
    "telnyx": {("PCMU", 8_000): "PCMU", ("PCMA", 8_000): "PCMA"},
    "twilio": {("audio/x-mulaw", 8_000): "PCMU"},
    "vonage": {(_L16, 8_000): "L16", (_L16, 16_000): "L16", (_L16, 24_000): "L16"},
}
_UNKNOWN = f"phone: this is no carrier's stream; allowed are those of {', '.join(_FORMATS)}"

# A media format as it was announced: its encoding, and its rate in Hz.
type _Announced = tuple[Any, Any]


async def recognise(websocket: WebSocket, *, carrier: Carrier) -> PhoneStream | None:
    """The stream of this carrier, which the URL was signed for; None when it ended before it began.

    Raises `RefusalError` for what is no stream, not this carrier's, not readable, or not there within
    `RECOGNITION_SECONDS`.
    """
    try:
        async with asyncio.timeout(RECOGNITION_SECONDS):
            return await _receive_start(websocket, carrier=carrier)
    except TimeoutError as error:
        late = f"phone: no carrier's stream began within {RECOGNITION_SECONDS:.0f} s; check the carrier's stream URL"
        raise RefusalError(late) from error


async def _receive_start(websocket: WebSocket, *, carrier: Carrier) -> PhoneStream | None:
    greeted = False
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        content = _read(message.get("text") or "")
        if content.get("event") == "connected" and not greeted:
            greeted = True  # as Twilio and Telnyx say before they tell anything of the stream
            continue
        return _stream(content, carrier=carrier)
    return None


def _read(text: str) -> dict[str, Any]:
    """The JSON object of a message; an empty one for anything else."""
    if len(text) > _MOST_CHARACTERS:
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _stream(content: dict[str, Any], *, carrier: Carrier) -> PhoneStream:
    found = _announcement(content)
    if found is None:
        raise RefusalError(_UNKNOWN)
    whose, stream_id, announced = found
    if whose != carrier:
        raise RefusalError(f"phone: this is a stream of {whose}, but its URL was signed for {carrier}")
    formats = _FORMATS[whose]
    encoding = next((encoding for form, encoding in formats.items() if form == announced), None)
    if encoding is None:
        got, allowed = (
            "{!r:.24} at {!r:.8} Hz".format(*announced),
            ", ".join(f"{name} {rate}" for name, rate in formats),
        )
        raise RefusalError(f"phone: {carrier} sends {got}; allowed are {allowed}")
    return PhoneStream(carrier=whose, stream_id=stream_id, encoding=encoding, sample_rate=announced[1])


def _announcement(content: dict[str, Any]) -> tuple[StreamCarrier, str, _Announced] | None:
    """Which carrier's announcement of a stream this is, the stream's id, and the format of its media."""
    match content:
        case {"event": "start", "start": {"streamSid": str(stream_id), "callSid": str(), **start}}:
            return "twilio", stream_id, _media_format(start.get("mediaFormat"), rate="sampleRate")
        case {"event": "start", "start": {"streamId": str(stream_id), "callId": str(), **start}}:
            return "plivo", stream_id, _media_format(start.get("mediaFormat"), rate="sampleRate")
        case {"event": "start", "stream_id": str(stream_id), "start": {"call_control_id": str(), **start}}:
            return "telnyx", stream_id, _media_format(start.get("media_format"), rate="sample_rate")
        case {"event": "websocket:connected", "content-type": content_type}:
            form = _CONTENT_TYPE.fullmatch(str(content_type))
            return "vonage", "", (_L16, int(form[1])) if form else (content_type, None)
    return None


def _media_format(media_format: object, *, rate: str) -> _Announced:
    return (media_format.get("encoding"), media_format.get(rate)) if isinstance(media_format, dict) else (None, None)
