"""The HTTP request as it came over the wire, with the exact spelling that a signature covers."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from urllib.parse import quote, unquote

from local.aws_http.errors import CommonCode, ServiceError


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request with its query decoded; header names are in lower case, repeated headers are joined by a comma."""

    method: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def from_wire(
        cls,
        *,
        method: str,
        raw_path: bytes,
        query_string: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes,
    ) -> Self:
        """Decode what an ASGI scope holds; raise `ValidationException` for a path or query not canonically encoded."""
        path = raw_path.decode("latin-1")
        for segment in path.split("/"):
            _decode(segment)
        return cls(
            method=method,
            raw_path=path,
            query=_parse_query(query_string.decode("latin-1")),
            headers=join_headers(headers),
            body=body,
        )

    @cached_property
    def body_sha256(self) -> str:
        """The payload hash of Signature Version 4, in hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


def encode(text: str) -> str:
    """Percent-encode as Signature Version 4 does: all but A–Z, a–z, 0–9 and `-._~`, in upper-case hexadecimal."""
    return quote(text, safe="-._~")


def _decode(text: str) -> str:
    decoded = unquote(text)
    if encode(decoded) != text:
        raise ServiceError(
            CommonCode.VALIDATION,
            "the path and the query must be percent-encoded as Signature Version 4 does (RFC 3986, upper-case "
            "hexadecimal, nothing but A-Z a-z 0-9 - . _ ~ left as it is): quote an ARN in the path with safe=''",
        )
    return decoded


def _parse_query(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in filter(None, text.split("&")))
    decoded = [(_decode(name), _decode(value)) for name, _, value in pairs]
    if len({name.lower() for name, _ in decoded}) < len(decoded):
        raise ServiceError(CommonCode.VALIDATION, "a query parameter is there twice")
    return dict(decoded)


def join_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by their name in lower case, repeated ones joined by a comma (RFC 9110, section 5.3)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
