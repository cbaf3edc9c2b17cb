"""A request to the REST API, its answer, and which endpoint takes it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from local.daily.errors import DailyError
from local.daily.limits import RequestClass

type Json = Mapping[str, Any] | list[Any]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request below `/v1`; header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Return the body, an object; raise `DailyError` for anything else."""
        if self.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise DailyError.invalid("the body has to be declared as application/json")
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise DailyError.invalid("the body is no JSON") from error
        if not isinstance(body, dict):
            raise DailyError.invalid("the body has to be an object")
        return body


@dataclass(frozen=True)
class Answer:
    """What a request is answered with: JSON, and headers besides."""

    status: HTTPStatus
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint: what answers it, and what its requests count as."""

    method: str
    path: re.Pattern[str]
    answer: Callable[..., Any]
    counts_as: RequestClass = RequestClass.MOST


def route(method: str, path: str, answer: Callable[..., Any], counts_as: RequestClass = RequestClass.MOST) -> Route:
    """Return an endpoint; `path` is a regular expression, whose groups the answer gets by their names."""
    return Route(method=method, path=re.compile(path), answer=answer, counts_as=counts_as)


def only(members: object, names: tuple[str, ...]) -> None:
    """Refuse members that have no meaning."""
    if not isinstance(members, dict):
        raise DailyError.invalid("an object is wanted")
    if unknown := sorted(members.keys() - set(names)):
        raise DailyError.invalid(f"unknown {', '.join(unknown)}: there are {', '.join(names)}")
