"""One client of an AWS service for a whole call, where Pipecat makes one, and a TLS connection, for each sentence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from pipecat.utils.errors import ErrorCategory, classify_http_status_code

from role_credentials import aws_session

# A caller who waits longer hears nothing for too long: better an error, and a spoken apology.
_CONNECT_SECONDS, _READ_SECONDS = 2, 8
# Standard mode waits up to 1 s before the second attempt and up to 2 s before the third, so a throttled request
# fails after 3 s at most: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_ATTEMPTS = 3
# A connection outlives the pause between two turns. aiobotocore would drop it after 12 s.
_IDLE_SECONDS = 60

# botocore reads its service models, 0.1 s of JSON, into the loader of a session; this one is filled at start-up.
_models = create_loader()


def load_models(*services: str) -> None:
    """Read the models that a client of each service needs. No client is made and no credential is asked for."""
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        _models.load_data(name)
    for service in services:
        _models.load_service_model(service, "service-2")
        _models.load_service_model(service, "endpoint-rule-set-1")


def client_config() -> AioConfig:
    """Short timeouts, a bounded retry and long-lived connections."""
    return AioConfig(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        tcp_keepalive=True,
        connector_args={"keepalive_timeout": _IDLE_SECONDS},
    )


class CallClient:
    """Stands where a service of Pipecat keeps its aiobotocore session, and lends one client until it is closed.

    The client is made at its first use. Its credentials are those of `aws_session()`, which refresh within it.
    """

    def __init__(self) -> None:
        self._client: Any = None
        self._making = asyncio.Lock()
        self._exit = AsyncExitStack()

    @asynccontextmanager
    async def create_client(self, service_name: str, **arguments: Any) -> AsyncIterator[Any]:
        """The client; `arguments` are aiobotocore's, and the same at every use."""
        async with self._making:
            if self._client is None:
                session = aws_session()
                session.register_component("data_loader", _models)
                self._client = await self._exit.enter_async_context(session.create_client(service_name, **arguments))
        yield self._client

    async def close(self) -> None:
        """Close its connections; a later use makes a new client."""
        self._client = None
        await self._exit.aclose()


def classify_error(error: Exception) -> ErrorCategory | None:
    """Why AWS refused a request; None when `error` is no answer of AWS.

    Expired keys are a matter of the next refresh, so they don't make a service unusable.
    """
    if not isinstance(error, ClientError):
        return None
    code = error.response.get("Error", {}).get("Code", "")
    if "Throttling" in code or code == "throttlingException":
        return ErrorCategory.RATE_LIMIT
    if "Expired" in code:
        return ErrorCategory.CONNECTIVITY
    return classify_http_status_code(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
