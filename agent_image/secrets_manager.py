"""The API keys of speech services, by reference: read from Secrets Manager once a call, and never logged."""

import asyncio
import json
from typing import Literal

from cascaded_services.call_client import client_config
from role_credentials import aws_session


class SecretError(Exception):
    """The secret lacks a key, or isn't JSON; the message never holds what it contains."""


class SpeechKeys:
    """The keys of one call. Its services share one reading of the secret (JSON: deepgramApiKey, cartesiaApiKey)."""

    def __init__(self, *, secret_arn: str, region: str) -> None:
        self._secret_arn = secret_arn
        self._region = region
        self._reading = asyncio.Lock()
        self._secret: str | None = None

    async def key(self, name: Literal["deepgramApiKey", "cartesiaApiKey"]) -> str:
        """One key. Raises `SecretError`, and botocore's errors when Secrets Manager refuses."""
        async with self._reading:
            if self._secret is None:
                self._secret = await self._read()
        try:
            key = json.loads(self._secret)[name]
        except (ValueError, KeyError, TypeError):
            key = None
        if not isinstance(key, str) or not key:
            raise SecretError(f"the secret {self._secret_arn} must be a JSON object with a text named {name}") from None
        return key

    async def _read(self) -> str:
        async with aws_session().create_client(
            "secretsmanager", region_name=self._region, config=client_config()
        ) as secrets_manager:
            answer = await secrets_manager.get_secret_value(SecretId=self._secret_arn)
        secret = answer.get("SecretString")
        if secret is None:
            raise SecretError(f"the secret {self._secret_arn} is binary; it must be a JSON object")
        return str(secret)
