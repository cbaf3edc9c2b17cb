"""AWS's event stream encoding, for the stand-ins: prelude, headers, payload, and a CRC-32 after each.

Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html. Messages that came are decoded by botocore,
which checks both sums.
"""

import binascii
import json
import struct
from collections.abc import Mapping
from typing import Any

from botocore.eventstream import EventStreamBuffer

_PRELUDE_BYTES, _CRC_BYTES = 8, 4
_STRING = 7


def encode_event(kind: str, body: Mapping[str, Any]) -> bytes:
    """An event with a JSON payload."""
    return _encode({":message-type": "event", ":event-type": kind, ":content-type": "application/json"}, body)


def encode_exception(kind: str, message: str) -> bytes:
    """An exception, which ends a stream."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return _encode(headers, {"Message": message, "message": message})


def decode(message: bytes) -> tuple[dict[str, Any], bytes]:
    """The headers and the payload of exactly one message. Raises `ValueError` for more or less, or botocore's error."""
    buffer: Any = EventStreamBuffer()
    buffer.add_data(message)
    events = list(buffer)
    if len(events) != 1:
        raise ValueError(f"got {len(events)} messages, allowed is one")
    return dict(events[0].headers), events[0].payload


def _encode(headers: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    encoded = b"".join(
        struct.pack(f">B{len(name)}sBH", len(name), name.encode(), _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    payload = json.dumps(body).encode()
    total = _PRELUDE_BYTES + _CRC_BYTES + len(encoded) + len(payload) + _CRC_BYTES
    prelude = struct.pack(">II", total, len(encoded))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", binascii.crc32(message))
