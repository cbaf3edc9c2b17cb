"""Marks: a carrier sends one back when it has played all that was sent before it.

https://www.twilio.com/docs/voice/media-streams/websocket-messages#send-a-mark-message
https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
https://www.plivo.com/docs/voice/xml/the-stream-element/checkpoint-event
https://developer.vonage.com/en/voice/voice-api/guides/websockets
"""

import json
from typing import Any

from starlette.types import Message

from phone import PhoneStream

_NAME = "last-words"


def last_words_mark(stream: PhoneStream) -> str:
    """The message that asks the carrier to tell when the last words have been played."""
    return json.dumps(_mark(stream))


def are_last_words_played(message: Message) -> bool:
    """Whether a message is the carrier's word on that."""
    text = message.get("text")
    if not text or _NAME not in text:
        return False
    match json.loads(text):
        case {"event": "mark", "mark": {"name": name}}:
            return bool(name == _NAME)
        case {"event": "playedStream", "name": name}:
            return bool(name == _NAME)
        case {"event": "websocket:notify", "payload": {"name": name}}:
            return bool(name == _NAME)
    return False


def _mark(stream: PhoneStream) -> dict[str, Any]:
    match stream.carrier:
        case "plivo":
            return {"event": "checkpoint", "streamId": stream.stream_id, "name": _NAME}
        case "telnyx":
            return {"event": "mark", "mark": {"name": _NAME}}
        case "twilio":
            return {"event": "mark", "streamSid": stream.stream_id, "mark": {"name": _NAME}}
        case "vonage":
            return {"action": "notify", "payload": {"name": _NAME}}
