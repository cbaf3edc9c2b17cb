"""Daily's API key and domain id, from the secret that the operator fills in."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from shared.credentials import Credentials
from shared.daily.settings import DailySettings
from shared.errors import RETRY_LATER, ApiError
from shared.secret_value import SecretUnavailableError, secret_version

MAX_AGE_SECONDS = 300
"""How long a key is used before it is read again."""

REFETCH_SECONDS = 10
"""A key that Daily refuses is read again at once, and at most this often: a new one works within it."""

TIMEOUT_SECONDS = 2

_cache: dict[str, tuple[float, "DailyKey"]] = {}


@dataclass(frozen=True, kw_only=True)
class DailyKey:
    """What authenticates us at Daily, and signs meeting tokens for our domain there."""

    api_key: str = field(repr=False)
    domain_id: str = field(repr=False)


def daily_key(*, daily: DailySettings, credentials: Credentials, max_age: float = MAX_AGE_SECONDS) -> DailyKey:
    """The key, read at most `max_age` seconds ago; raises `ApiError` (503 `daily_secret_unusable`)."""
    now = time.time()  # not the monotonic clock: it may stand still while the function is frozen
    read_at, key = _cache.get(daily.secret.arn, (0.0, None))
    if key is None or not 0 <= now - read_at < max_age:
        key = _read(daily=daily, credentials=credentials)
        _cache[daily.secret.arn] = (now, key)
    return key


def _read(*, daily: DailySettings, credentials: Credentials) -> DailyKey:
    try:
        text = secret_version(secret=daily.secret, credentials=credentials, timeout_seconds=TIMEOUT_SECONDS).text
    except SecretUnavailableError as error:
        raise _unusable(problem=f"GetSecretValue: {error}") from None
    try:
        fields: Any = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _unusable(problem="it is no JSON object")
    found = {name: fields.get(name) for name in ("apiKey", "domainId")}
    empty = [name for name, value in found.items() if not isinstance(value, str) or not value.strip()]
    if empty:
        raise _unusable(problem=f"{', '.join(empty)} must be filled in")
    return DailyKey(api_key=str(found["apiKey"]).strip(), domain_id=str(found["domainId"]).strip())


def _unusable(*, problem: str) -> ApiError:
    return ApiError(
        status=503,
        code="daily_secret_unusable",
        message="The service can't speak with Daily now. Tell its operator this request id.",
        headers=RETRY_LATER,
        note=f"the secret of Daily: {problem}; see docs/daily.md",
    )
