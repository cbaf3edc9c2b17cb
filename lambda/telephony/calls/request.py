"""The body of POST /calls: whom to call, through which carrier, and what the bot is to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.agent_body import agent_body
from shared.errors import ApiError
from shared.request_body import check_type, json_object

MAX_REQUEST_BYTES = 8192
"""Above the longest that fits: the bot's part is limited by itself, as compact JSON."""

_FIELDS = ("to", "carrier", "body")


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """What the caller asks for; `carrier` is empty where any will do, `body` is compact JSON, empty without any."""

    to: str = field(repr=False)
    carrier: str
    body: str = field(repr=False)


def parse_call_request(*, event: Mapping[str, Any]) -> CallRequest:
    """Check the form of the request's body; raises `ApiError` (400, 413)."""
    fields = json_object(event=event, max_bytes=MAX_REQUEST_BYTES, fields=_FIELDS)
    if "to" not in fields:
        raise ApiError(
            status=400,
            code="missing_field",
            message='The request body must name whom to call: {"to": "+4930901820"}.',
        )
    check_type(name="to", value=fields["to"], expected=str)
    check_type(name="carrier", value=fields.get("carrier", ""), expected=str)
    return CallRequest(
        to=fields["to"],
        carrier=fields.get("carrier", ""),
        body=agent_body(value=fields.get("body", {})).decode(),
    )


def chosen_carrier(*, asked: str, numbers: Mapping[str, str]) -> str:
    """The carrier asked for, else the deployment's first; `numbers` are those to call from, by carrier.

    Raises `ApiError` (400) for a carrier that has no number here.
    """
    if not asked and numbers:
        return next(iter(numbers))
    if asked in numbers:
        return asked
    known = ", ".join(numbers) or "none"
    raise ApiError(
        status=400,
        code="carrier_not_available",
        message=f"This deployment calls through no such carrier; carriers with a number to call from: {known}.",
    )
