"""The keys that tokens are signed with, by reference: read from Secrets Manager, and kept for a bounded time."""

import asyncio
import time
from collections.abc import Sequence

from relay.aws import Aws, AwsUnavailableError

MAX_AGE_SECONDS = 60
REFRESH_SECONDS = 10
"""The least time between two readings where a token fits no key: a rotation works at once, an attack is cheap."""

PREVIOUS_KEY_SECONDS = 3_600
"""How long the previous key opens streams. The function keeps a key in memory for minutes, and a token lasts one."""

_MIN_KEY_CHARACTERS = 32


class RelayKeys:
    """The current key, and the previous one for a while after a rotation."""

    def __init__(self, *, aws: Aws, secret_arn: str) -> None:
        self._aws = aws
        self._secret_arn = secret_arn
        self._keys: Sequence[bytes] = ()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def at_most(self, *, seconds: float) -> Sequence[bytes]:
        """The keys as they were at most so many seconds ago, never older ones; raises `AwsUnavailableError`."""
        async with self._reading:
            if time.monotonic() - self._read_at >= seconds:
                keys = await asyncio.to_thread(self._read)
                self._keys, self._read_at = keys, time.monotonic()
            return self._keys

    def _read(self) -> Sequence[bytes]:
        current = self._version("AWSCURRENT")
        if current is None:
            raise AwsUnavailableError("ResourceNotFoundException")
        key, created_at = current
        if time.time() - created_at > PREVIOUS_KEY_SECONDS:
            return (key,)
        previous = self._version("AWSPREVIOUS")
        return (key, previous[0]) if previous else (key,)

    def _version(self, stage: str) -> tuple[bytes, float] | None:
        """The key and when it was made, None where there is no such version.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
        """
        answer = self._aws.call(
            service="secretsmanager",
            target="secretsmanager.GetSecretValue",
            version="1.1",
            body={"SecretId": self._secret_arn, "VersionStage": stage},
        )
        if answer.error == "ResourceNotFoundException":
            return None
        if answer.error:
            raise AwsUnavailableError(answer.error)
        key, created_at = answer.body.get("SecretString"), answer.body.get("CreatedDate", 0)
        if not isinstance(key, str) or len(key) < _MIN_KEY_CHARACTERS:
            raise AwsUnavailableError("KeyTooShort")
        return key.encode(), float(created_at)
