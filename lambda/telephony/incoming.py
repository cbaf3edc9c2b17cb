"""A webhook out of an event of the HTTP API (payload format 2.0), as it was before API Gateway took it apart.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from telephony.carrier import KINDS, Kind, WebhookRequest
from telephony.settings import Settings

MAX_BODY_BYTES = 64 * 1024
"""Carriers send a few kilobytes."""

_PATH = re.compile(rf"/telephony/([a-z]{{1,16}})/({'|'.join(KINDS)})")


class UnusableRequestError(Exception):
    """A request that no carrier sends; the message is fixed, for the log."""


def webhook_route(*, route_key: str) -> tuple[str, Kind] | None:
    """The carrier and the webhook of a route such as `POST /telephony/twilio/answer`; None for another route."""
    method, _, path = route_key.partition(" ")
    match = _PATH.fullmatch(path)
    if method != "POST" or not match:
        return None
    return match[1], next(kind for kind in KINDS if kind == match[2])


def webhook_request(*, event: Mapping[str, Any], kind: Kind, settings: Settings) -> WebhookRequest:
    """What the carrier sent; raises `UnusableRequestError`."""
    query = event.get("rawQueryString") or ""
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise UnusableRequestError("wrong url")
    return WebhookRequest(
        kind=kind,
        url=f"{settings.public_url}{event['rawPath']}" + (f"?{query}" if query else ""),
        query=dict(pairs),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event=event),
        received_at=time.time(),
    )


def _body(*, event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if len(text) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise UnusableRequestError("too large")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:
        raise UnusableRequestError("malformed") from None
    if len(body) > MAX_BODY_BYTES:
        raise UnusableRequestError("too large")
    return body
