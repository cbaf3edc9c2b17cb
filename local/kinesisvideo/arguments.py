"""Reads a request's members as strictly as the service models define them."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from local.aws_http.errors import ServiceError
from local.kinesisvideo.errors import KinesisVideoCode

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
CHANNEL_ARN = re.compile(r"arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:channel/[a-zA-Z0-9_.-]{1,256}/[0-9]+", re.ASCII)
VERSION = re.compile(r"[a-zA-Z0-9]{1,64}")
TAG_KEY = re.compile(r"[\w\s.:/=+\-@]{1,128}")
TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")
MESSAGE_TTL_SECONDS = range(5, 121)
MAX_TAGS = 50


def invalid(message: str) -> ServiceError:
    """Return the error for a member that the service doesn't take."""
    return ServiceError(KinesisVideoCode.INVALID_ARGUMENT, message)


def parse(body: bytes) -> Mapping[str, Any]:
    """Return the members of a request; InvalidArgumentException when it is not a JSON object."""
    try:
        return structure(json.loads(body), "the request")
    except ValueError as error:
        raise invalid("the request has to be a JSON object") from error


def structure(value: object, name: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise invalid(f"{name} has to be a JSON object, got {type(value).__name__}")
    return value


def only(members: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse members that the operation doesn't have: the service may ignore them, a typing error shouldn't pass."""
    unknown = sorted(members.keys() - set(known))
    if unknown:
        raise invalid(f"unknown members: {', '.join(unknown)}; {', '.join(sorted(known))} go")


def text(value: object, name: str, pattern: re.Pattern[str]) -> str:
    """Return a text that matches a pattern as a whole; a missing one (None) is refused too."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise invalid(f"{name} has to match {pattern.pattern}, got {value!r}")
    return value


def one_of(value: object, name: str, allowed: Collection[str]) -> str:
    """Return one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise invalid(f"{name} has to be one of {', '.join(allowed)}, got {value!r}")
    return value


def message_ttl_seconds(value: object) -> int:
    """Return how long a channel keeps an undelivered message, in seconds."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in MESSAGE_TTL_SECONDS:
        raise invalid(f"MessageTtlSeconds has to be 5 to 120, got {value!r}")
    return value


def tags(value: object) -> dict[str, str]:
    """Return a list of `{"Key", "Value"}` as a mapping."""
    if not isinstance(value, list):
        raise invalid(f"Tags has to be a list, got {type(value).__name__}")
    read: dict[str, str] = {}
    for item in value:
        tag = structure(item, "a tag")
        only(tag, ("Key", "Value"))
        key = text(tag.get("Key"), "Key", TAG_KEY)
        if key in read:
            raise invalid(f"the tag {key!r} is there twice")
        read[key] = text(tag.get("Value"), "Value", TAG_VALUE)
    return read
