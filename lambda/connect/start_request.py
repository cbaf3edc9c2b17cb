"""The body of POST /start, checked by hand: a validation library would cost more than the rest of a cold start."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connect.errors import ApiError
from connect.settings import KNOWN_TRANSPORTS, Settings

MAX_AGENT_BODY_BYTES = 2048
"""AgentCore takes 4 KB a custom header; this much is 2,731 characters in base64url and keeps the URL under 8 KB."""

_FIELDS = ("transport", "body", "createDailyRoom", "enableDefaultIceServers")
_JSON_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """What the caller asks for; `agent_body` is compact JSON in UTF-8, empty where there is nothing to hand over."""

    transport: str
    agent_body: bytes


def parse_start_request(*, event: Mapping[str, Any], settings: Settings) -> StartRequest:
    """Check the request's body, which may be empty.

    The fields are those that Pipecat's clients send to a Pipecat runner's /start. `createDailyRoom: true` without a
    transport asks for `daily`, as it does there. `enableDefaultIceServers` has no effect: the ICE servers are the
    deployment's choice. Other fields are refused by name, a Daily room's properties among them: they are no caller's
    choice. Raises `ApiError` (400, 413, and 501 for a transport that is deployed without being served here).
    """
    fields = _json_object(raw=_raw_body(event=event, max_bytes=settings.max_body_bytes))
    _refuse_unknown(fields=fields)
    for name in ("createDailyRoom", "enableDefaultIceServers"):
        _check_type(name=name, value=fields.get(name, False), expected=bool)
    default = "daily" if fields.get("createDailyRoom") else settings.transports[0]
    transport = fields.get("transport", default)
    _check_transport(transport=transport, deployed=settings.transports)
    return StartRequest(transport=transport, agent_body=_agent_body(value=fields.get("body", {})))


def _raw_body(*, event: Mapping[str, Any], max_bytes: int) -> bytes:
    text = event.get("body") or ""
    try:
        raw = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError as error:
        raise _invalid_json(reason=str(error)) from None
    if len(raw) > max_bytes:
        raise ApiError(
            status=413,
            code="request_too_large",
            message=f"The request body has {len(raw)} bytes; at most {max_bytes} are allowed.",
        )
    return raw


def _json_object(*, raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        fields = json.loads(raw.decode(), object_pairs_hook=_unique_names, parse_constant=_no_constant)
    except RecursionError:
        raise _invalid_json(reason="it is nested too deeply") from None
    except ValueError as error:
        raise _invalid_json(reason=str(error)) from None
    _check_type(name="the request body", value=fields, expected=dict)
    return dict(fields)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _invalid_json(*, reason: str) -> ApiError:
    return ApiError(
        status=400, code="invalid_json", message=f"The request body must be a JSON object in UTF-8; {reason}."
    )


def _refuse_unknown(*, fields: Mapping[str, Any]) -> None:
    unknown = sorted(set(fields) - set(_FIELDS))
    if unknown:
        names = ", ".join(json.dumps(name[:40]) for name in unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise ApiError(
            status=400,
            code="unknown_field",
            message=f"Unknown field {names} in the request body; allowed: {', '.join(_FIELDS)}.",
        )


def _check_type(*, name: str, value: object, expected: type) -> None:
    if not isinstance(value, expected):
        got = _JSON_NAMES.get(type(value), "number")
        raise ApiError(
            status=400, code="invalid_type", message=f"{name} must be of type {_JSON_NAMES[expected]}; got {got}."
        )


def _check_transport(*, transport: object, deployed: tuple[str, ...]) -> None:
    _check_type(name="transport", value=transport, expected=str)
    if transport not in KNOWN_TRANSPORTS:
        raise ApiError(
            status=400,
            code="unknown_transport",
            message=f"There is no such transport; known: {', '.join(KNOWN_TRANSPORTS)}.",
        )
    if transport not in deployed:
        raise ApiError(
            status=400,
            code="transport_not_deployed",
            message=f"This deployment offers no {transport} transport; deployed: {', '.join(deployed)}.",
        )
    if transport != "websocket":
        raise ApiError(
            status=501,
            code="transport_not_served",
            message=f"This version of the service can't start {transport} sessions; use websocket.",
        )


def _agent_body(*, value: object) -> bytes:
    _check_type(name="body", value=value, expected=dict)
    if not value:
        return b""
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        # What JSON's grammar allows and no receiver can hold: a number like 1e999, half of a surrogate pair.
        raise _invalid_json(reason="body holds a number or a character out of range") from None
    if len(encoded) > MAX_AGENT_BODY_BYTES:
        raise ApiError(
            status=413,
            code="body_too_large",
            message=f"body has {len(encoded)} bytes of compact JSON; at most {MAX_AGENT_BODY_BYTES} are allowed.",
        )
    return encoded
