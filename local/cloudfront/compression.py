"""What CloudFront compresses, and for whom.

Source: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
"""

import gzip
from collections.abc import Mapping
from http import HTTPStatus

SIZES = range(1_000, 10_000_001)
STATUSES = frozenset({HTTPStatus.OK, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_TYPES = """
application/dash+xml application/eot application/font application/font-sfnt application/javascript
application/json application/opentype application/otf application/pdf application/pkcs7-mime application/protobuf
application/rss+xml application/truetype application/ttf application/vnd.apple.mpegurl
application/vnd.mapbox-vector-tile application/vnd.ms-fontobject application/wasm application/xhtml+xml
application/xml application/x-font-opentype application/x-font-truetype application/x-font-ttf
application/x-httpd-cgi application/x-javascript application/x-mpegurl application/x-opentype application/x-otf
application/x-perl application/x-ttf font/eot font/opentype font/otf font/ttf image/svg+xml text/css text/csv
text/html text/javascript text/js text/plain text/richtext text/tab-separated-values text/xml text/x-component
text/x-java-source text/x-script vnd.apple.mpegurl
"""
TYPES = frozenset(_TYPES.split())
Headers = Mapping[str, str | list[str]]


def is_compressible(status: int, headers: Headers, body: bytes) -> bool:
    """Whether an answer is one of those that CloudFront compresses; header names are in lower case."""
    content_type = str(headers.get("content-type", "")).partition(";")[0].strip().lower()
    return status in STATUSES and "content-encoding" not in headers and content_type in TYPES and len(body) in SIZES


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a viewer takes gzip, from its Accept-Encoding header."""
    for coding in accept_encoding.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def compress(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Return a compressed answer: its ETag becomes a weak one, and caches are told what it depends on."""
    compressed = gzip.compress(body, mtime=0)
    changed = {**headers, "content-encoding": "gzip", "vary": "Accept-Encoding"}
    etag = str(headers.get("etag", ""))
    if etag.startswith('"'):
        changed["etag"] = f"W/{etag}"
    return changed, compressed
