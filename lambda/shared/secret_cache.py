"""Secrets by reference: read from Secrets Manager when needed, kept in memory for a bounded time."""

import json
import time

from shared.aws_request import AwsUnreachableError, send_signed
from shared.credentials import Credentials

MAX_AGE_SECONDS = 300

_cache: dict[str, tuple[float, str]] = {}


class SecretUnavailableError(Exception):
    """The secret could not be read; the message is a cause fit for a log (an error's name, or an HTTP status)."""


def secret_string(*, secret_arn: str, endpoint_url: str, region: str, credentials: Credentials) -> str:
    """The current value of a secret, at most five minutes old.

    Raises `SecretUnavailableError`; an older value is never served in its place.
    """
    now = time.time()  # not the monotonic clock: it may stand still while the function is frozen
    fetched_at, value = _cache.get(secret_arn, (0.0, ""))
    if not 0 <= now - fetched_at < MAX_AGE_SECONDS:
        value = _fetch(secret_arn=secret_arn, endpoint_url=endpoint_url, region=region, credentials=credentials)
        _cache[secret_arn] = (now, value)
    return value


def _fetch(*, secret_arn: str, endpoint_url: str, region: str, credentials: Credentials) -> str:
    """GetSecretValue, https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html."""
    try:
        response = send_signed(
            url=f"{endpoint_url}/",
            service="secretsmanager",
            region=region,
            credentials=credentials,
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"},
            body=json.dumps({"SecretId": secret_arn}).encode(),
        )
    except AwsUnreachableError as error:
        raise SecretUnavailableError(str(error)) from None
    if response.status != 200:
        raise SecretUnavailableError(response.error_type or f"HTTP {response.status}")
    return _value(body=response.body)


def _value(*, body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        raise SecretUnavailableError("MalformedAnswer") from None
    value = answer.get("SecretString") if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise SecretUnavailableError("NoSecretString")
    return value
