"""A request's JSON body, checked by hand: a validation library would cost more than the rest of a cold start."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from shared.errors import ApiError

_JSON_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}


def json_object(*, event: Mapping[str, Any], max_bytes: int, fields: tuple[str, ...]) -> dict[str, Any]:
    """The body as an object with no other names than `fields`; an absent body is an empty object.

    Raises `ApiError`: 413 above `max_bytes`, 400 for everything else that is wrong.
    """
    raw = _raw_body(event=event, max_bytes=max_bytes)
    found = _parsed(raw=raw) if raw else {}
    refuse_unknown(found=found, fields=fields, place="the request body")
    return found


def refuse_unknown(*, found: Mapping[str, Any], fields: tuple[str, ...], place: str) -> None:
    """Refuse, by name, what nobody would read."""
    unknown = sorted(set(found) - set(fields))
    if unknown:
        names = ", ".join(json.dumps(name[:40]) for name in unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise ApiError(
            status=400,
            code="unknown_field",
            message=f"Unknown field {names} in {place}; allowed: {', '.join(fields)}.",
        )


def check_type(*, name: str, value: object, expected: type) -> None:
    """Refuse a value of another JSON type; a boolean is no integer."""
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        got = "number" if type(value) in (int, float) else _JSON_NAMES[type(value)]
        raise ApiError(
            status=400, code="invalid_type", message=f"{name} must be of type {_JSON_NAMES[expected]}; got {got}."
        )


def invalid_json(*, reason: str) -> ApiError:
    """The body is not JSON, or holds what no receiver can."""
    return ApiError(
        status=400, code="invalid_json", message=f"The request body must be a JSON object in UTF-8; {reason}."
    )


def _raw_body(*, event: Mapping[str, Any], max_bytes: int) -> bytes:
    text = event.get("body") or ""
    try:
        raw = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError as error:
        raise invalid_json(reason=str(error)) from None
    if len(raw) > max_bytes:
        raise ApiError(
            status=413,
            code="request_too_large",
            message=f"The request body has {len(raw)} bytes; at most {max_bytes} are allowed.",
        )
    return raw


def _parsed(*, raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_unique_names, parse_constant=_no_constant)
    except RecursionError:
        raise invalid_json(reason="it is nested too deeply") from None
    except ValueError as error:
        raise invalid_json(reason=str(error)) from None
    check_type(name="the request body", value=found, expected=dict)
    return dict(found)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
