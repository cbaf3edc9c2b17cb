"""One request to Daily's REST API: tried again while Daily is busy, and what its refusals mean for a caller.

https://docs.daily.co/docs/rest-api/authentication lists errors and rate limits: 20 requests a second for most
endpoints, 2 a second for deletions of a room; the error of a 429 is `rate-limit-error`.
"""

import itertools
import json
import math
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.credentials import Credentials
from shared.daily.counted import KEY_REFUSED, count
from shared.daily.key import REFETCH_SECONDS, DailyKey, daily_key
from shared.daily.settings import DailySettings
from shared.errors import RETRY_LATER, ApiError
from shared.https_request import HttpResponse, UnreachableError, request

TIMEOUT_SECONDS = 5.0
"""For connecting, and again for each read; less where the deadline is nearer."""

TRY_SECONDS = 1.0
"""What a further try must have left to be worth it."""

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""Above the presence of some ten thousand participants, the longest answer that we ask for."""

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 2.0
_RETRY_AFTER = re.compile(r"[0-9]{1,4}")


class DailyError(ApiError):
    """Daily did not do it; `carried_out` is False only where it is known not to have done it."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        message: str,
        note: str,
        headers: Mapping[str, str] | None = None,
        carried_out: bool = False,
    ) -> None:
        super().__init__(status=status, code=code, message=message, headers=headers, note=note)
        self.carried_out = carried_out


@dataclass(frozen=True, kw_only=True)
class DailyAnswer:
    """A success, or a refusal that the caller of `ask` knows the meaning of (400 and 404).

    `error` is Daily's word for the reason, such as not-found; `fields` may hold a room's URL.
    """

    status: int
    error: str
    fields: dict[str, Any] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether Daily did it."""
        return 200 <= self.status < 300


def ask(
    *,
    operation: str,
    method: str,
    path: str,
    daily: DailySettings,
    credentials: Credentials,
    deadline: float,
    payload: Mapping[str, object] | None = None,
) -> DailyAnswer:
    """Ask Daily and return its answer of status 2xx, 400 or 404; `deadline` is a time of `time.monotonic()`.

    `operation` is what the log calls it. Only a 429 is tried again, after what Retry-After asks for (in seconds) and a
    random wait that grows, while there is time; after the deadline nothing is asked. Raises `DailyError`: 503
    `daily_refused_key` (counted, for the operator's alarm), `daily_unreachable` and `daily_busy`, 502 `daily_failed`;
    and `ApiError` as `daily_key` does.
    """
    key = daily_key(daily=daily, credentials=credentials)
    body = b"" if payload is None else json.dumps(payload).encode()
    if time.monotonic() > deadline:
        raise _busy(operation=operation, wait=1.0, problem="no time was left")
    for attempt in itertools.count():
        answer = _send(operation=operation, method=method, url=daily.api_url + path, body=body, key=key, until=deadline)
        if answer.status in (401, 403):
            newer = daily_key(daily=daily, credentials=credentials, max_age=REFETCH_SECONDS)
            if newer == key:
                raise _refused_key(operation=operation, answer=answer, daily=daily)
            key = newer
        elif answer.status == 429:
            wait = _wait_seconds(attempt=attempt, retry_after=answer.headers.get("retry-after", ""))
            if time.monotonic() + wait + TRY_SECONDS > deadline:
                raise _busy(operation=operation, wait=wait, problem="HTTP 429 until the time was over")
            time.sleep(wait)
        else:
            break
    return _readable(operation=operation, answer=answer)


def failed(*, operation: str, problem: str, carried_out: bool = False) -> DailyError:
    """Daily's answer is none that we can go on with: 502; `problem` is for the log."""
    return DailyError(
        status=502,
        code="daily_failed",
        message="Daily did not do what the service asked for. Try again in a moment.",
        headers=RETRY_LATER,
        note=f"{operation}: {problem}",
        carried_out=carried_out,
    )


def refused(*, operation: str, answer: DailyAnswer) -> DailyError:
    """A 400 or 404 that means nothing else to whoever asked."""
    return failed(operation=operation, problem=f"HTTP {answer.status} {answer.error}".rstrip())


def _send(*, operation: str, method: str, url: str, body: bytes, key: DailyKey, until: float) -> HttpResponse:
    headers = {"Authorization": f"Bearer {key.api_key}", "Accept": "application/json"}
    if body:
        headers["Content-Type"] = "application/json"
    timeout_seconds = min(max(until - time.monotonic(), TRY_SECONDS / 2), TIMEOUT_SECONDS)
    try:
        return request(
            method=method,
            url=url,
            headers=headers,
            body=body,
            timeout_seconds=timeout_seconds,
            max_response_bytes=MAX_RESPONSE_BYTES,
        )
    except UnreachableError as error:
        raise DailyError(
            status=503,
            code="daily_unreachable",
            message="Daily did not answer. Try again in a moment.",
            headers=RETRY_LATER,
            note=f"{operation}: {error}",
            carried_out=error.sent,
        ) from None


def _wait_seconds(*, attempt: int, retry_after: str) -> float:
    longest = min(_FIRST_WAIT_SECONDS * 2**attempt, _LONGEST_WAIT_SECONDS)
    asked_for = float(retry_after) if _RETRY_AFTER.fullmatch(retry_after) else 0.0
    # Whoever was told the same second must not come back together.
    return asked_for + random.uniform(longest / 2, longest)  # noqa: S311 - it spreads tries, and is no secret


def _readable(*, operation: str, answer: HttpResponse) -> DailyAnswer:
    try:
        fields: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        fields = None
    word = fields.get("error") if isinstance(fields, dict) else None
    error = word if isinstance(word, str) and re.fullmatch(r"[a-z-]{1,64}", word) else ""
    if answer.status not in (400, 404) and not 200 <= answer.status < 300:
        refusal = 400 <= answer.status < 500 and answer.status != 408
        raise failed(operation=operation, problem=f"HTTP {answer.status} {error}".rstrip(), carried_out=not refusal)
    if not isinstance(fields, dict):
        raise failed(operation=operation, problem=f"HTTP {answer.status}, no JSON object", carried_out=True)
    return DailyAnswer(status=answer.status, error=error, fields=fields)


def _refused_key(*, operation: str, answer: HttpResponse, daily: DailySettings) -> DailyError:
    count(KEY_REFUSED, daily=daily)
    return DailyError(
        status=503,
        code="daily_refused_key",
        message="Daily refuses the service's API key. Tell the service's operator this request id.",
        note=f"{operation}: HTTP {answer.status}; put a valid API key into the secret, see docs/daily.md",
    )


def _busy(*, operation: str, wait: float, problem: str) -> DailyError:
    return DailyError(
        status=503,
        code="daily_busy",
        message="Daily takes no more requests of the service just now. Try again in a moment.",
        headers={"retry-after": str(math.ceil(wait))},
        note=f"{operation}: {problem}",
    )
