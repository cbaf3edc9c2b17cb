"""Secrets by reference: read from Secrets Manager when needed, kept in memory for a bounded time."""

import time

from shared.credentials import Credentials
from shared.secret_reference import SecretReference
from shared.secret_value import secret_version

MAX_AGE_SECONDS = 300

_cache: dict[str, tuple[float, str]] = {}


def secret_string(*, secret: SecretReference, credentials: Credentials, timeout_seconds: float | None = None) -> str:
    """The current value of a secret, at most five minutes old.

    Raises `SecretUnavailableError`; an older value is never served in its place. `timeout_seconds` is as `send_signed`
    has it.
    """
    now = time.time()  # not the monotonic clock: it may stand still while the function is frozen
    fetched_at, value = _cache.get(secret.arn, (0.0, ""))
    if not 0 <= now - fetched_at < MAX_AGE_SECONDS:
        value = secret_version(secret=secret, credentials=credentials, timeout_seconds=timeout_seconds).text
        _cache[secret.arn] = (now, value)
    return value
