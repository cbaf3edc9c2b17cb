"""What Daily's REST API refuses with: a status, an `error` that programs read, and an `info` for people."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Self


class DailyError(Exception):
    """A refusal. https://docs.daily.co/reference/rest-api (Errors)."""

    def __init__(self, status: HTTPStatus, error: str, info: str = "", *, more: Mapping[str, object] | None = None):
        super().__init__(info or error)
        self.status = status
        self.body: dict[str, object] = {"error": error, **({"info": info} if info else {}), **(more or {})}

    @classmethod
    def invalid(cls, info: str) -> Self:
        """Return the refusal of a request that is not well formed."""
        return cls(HTTPStatus.BAD_REQUEST, "invalid-request-error", info)

    @classmethod
    def not_found(cls, info: str = "", *, more: Mapping[str, object] | None = None) -> Self:
        """Return the refusal of a request about what isn't there."""
        return cls(HTTPStatus.NOT_FOUND, "not-found", info, more=more)

    @classmethod
    def rate_limited(cls) -> Self:
        """Return the refusal of one request too many; Daily says no time after which to try again."""
        return cls(HTTPStatus.TOO_MANY_REQUESTS, "rate-limit-error")
