"""Amazon's event stream encoding, and the signatures of the events in it, written from AWS's description of both.

https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html (encoding)
https://docs.aws.amazon.com/transcribe/latest/dg/streaming-http2.html (signing)
"""

import hashlib
import hmac
import struct
from binascii import crc32
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local.aws_http.identity import Credential
from local.aws_http.signature import CLOCK_SKEW_SECONDS

_PRELUDE, _CRC = 12, 4
_BYTES, _STRING, _TIMESTAMP = 6, 7, 8

type Value = str | bytes | datetime


class FramingError(Exception):
    """Bytes that are no event, or an event that is not signed as it must be."""


@dataclass(frozen=True, kw_only=True)
class Message:
    headers: Mapping[str, Value]
    payload: bytes

    def encode(self) -> bytes:
        headers = b"".join(encode_header(name, value) for name, value in self.headers.items())
        prelude = struct.pack("!II", _PRELUDE + len(headers) + len(self.payload) + _CRC, len(headers))
        message = prelude + struct.pack("!I", crc32(prelude)) + headers + self.payload
        return message + struct.pack("!I", crc32(message))


@dataclass(kw_only=True)
class Decoder:
    """Cuts what comes over the wire into messages."""

    _buffer: bytes = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        self._buffer += data
        while len(self._buffer) >= _PRELUDE:
            length = struct.unpack_from("!I", self._buffer)[0]
            if len(self._buffer) < length:
                return
            message, self._buffer = self._buffer[:length], self._buffer[length:]
            yield decode(message)


def decode(message: bytes) -> Message:
    """The one message that these bytes are."""
    length, headers_length, prelude_crc = struct.unpack_from("!III", message)
    (message_crc,) = struct.unpack_from("!I", message, length - _CRC)
    if length != len(message) or prelude_crc != crc32(message[:8]) or message_crc != crc32(message[:-_CRC]):
        raise FramingError("an event's length or checksum is wrong")
    end = _PRELUDE + headers_length
    return Message(headers=dict(_headers(message[_PRELUDE:end])), payload=message[end:-_CRC])


def encode_header(name: str, value: Value) -> bytes:
    start = struct.pack("!B", len(name)) + name.encode()
    match value:
        case str():
            return start + struct.pack("!BH", _STRING, len(value.encode())) + value.encode()
        case bytes():
            return start + struct.pack("!BH", _BYTES, len(value)) + value
        case datetime():
            return start + struct.pack("!Bq", _TIMESTAMP, round(value.timestamp() * 1000))


def _headers(data: bytes) -> Iterator[tuple[str, Value]]:
    while data:
        end = 1 + data[0]
        name, kind, data = data[1:end].decode(), data[end], data[end + 1 :]
        if kind == _TIMESTAMP:
            (milliseconds,) = struct.unpack_from("!q", data)
            yield name, datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
            data = data[8:]
        elif kind in (_BYTES, _STRING):
            (length,) = struct.unpack_from("!H", data)
            value, data = data[2 : 2 + length], data[2 + length :]
            yield name, value.decode() if kind == _STRING else value
        else:
            raise FramingError(f"header {name}: got type {kind}, allowed here are bytes, strings and timestamps")


@dataclass(kw_only=True)
class SignatureChain:
    """Verifies events: each signature covers the one before it, and the first one that of the request."""

    credential: Credential
    region: str
    service: str
    prior: str
    verified: int = field(default=0)

    def open(self, message: Message, *, now: datetime) -> bytes:
        """The payload of a signed event. Raises `FramingError` for a wrong signature."""
        signed_at, signature = message.headers.get(":date"), message.headers.get(":chunk-signature")
        if len(message.headers) != 2 or not isinstance(signed_at, datetime) or not isinstance(signature, bytes):
            raise FramingError(f"an event must have the headers :date and :chunk-signature, got {[*message.headers]}")
        if abs(now - signed_at) > timedelta(seconds=CLOCK_SKEW_SECONDS):
            raise FramingError(f"an event was signed at {signed_at}, which is not now")
        if not hmac.compare_digest(signature, self._sign(message.payload, signed_at)):
            raise FramingError("an event's signature is not that of its payload, its date, its key and the one before")
        self.prior = signature.hex()
        self.verified += 1
        return message.payload

    def _sign(self, payload: bytes, signed_at: datetime) -> bytes:
        scope = [f"{signed_at:%Y%m%d}", self.region, self.service, "aws4_request"]
        to_sign = "\n".join(
            [
                "AWS4-HMAC-SHA256-PAYLOAD",
                f"{signed_at:%Y%m%dT%H%M%SZ}",
                "/".join(scope),
                self.prior,
                hashlib.sha256(encode_header(":date", signed_at)).hexdigest(),
                hashlib.sha256(payload).hexdigest(),
            ]
        )
        key = f"AWS4{self.credential.secret_access_key}".encode()
        for part in [*scope, to_sign]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key
