"""A webhook that is a form, as Twilio and those who speak its dialect send it, and the numbers in it."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from telephony.carrier import MalformedWebhookError, SignatureError, WebhookRequest

MAX_FIELDS = 200
"""Carriers send some twenty."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def form_pairs(*, request: WebhookRequest) -> list[tuple[str, str]]:
    """The fields in the body's order, empty ones too.

    Raises `SignatureError`: of a body that is no form, no signature can be looked at.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise SignatureError("malformed")
    try:
        text = request.body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS) if text else []
    except ValueError:
        raise SignatureError("malformed") from None


def required(fields: Mapping[str, str], name: str) -> str:
    """A field that the carrier documents as always there; raises `MalformedWebhookError`."""
    if value := fields.get(name):
        return value
    raise MalformedWebhookError(f"the field {name} is missing or empty")


def e164(number: str) -> str:
    """The number with its plus; empty where it is none in E.164: withheld, a SIP address, a short code."""
    written = number if number.startswith("+") else f"+{number}"
    return written if _E164.fullmatch(written) else ""
