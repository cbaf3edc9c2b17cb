"""Opens streams of Bedrock to a speech model, with the role's credentials, and says how one failed."""

import asyncio
import os
from functools import cache
from typing import Any

from aws_sdk_bedrock_runtime import models
from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.config import Config
from aws_sdk_bedrock_runtime.models import (
    InvokeModelWithBidirectionalStreamInput,
    InvokeModelWithBidirectionalStreamOperationInput,
    InvokeModelWithBidirectionalStreamOperationOutput,
    InvokeModelWithBidirectionalStreamOutput,
)
from awscrt.io import ClientTlsContext, TlsContextOptions
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError
from pipecat.utils.errors import ErrorCategory
from smithy_aws_core.identity import AWSCredentialsIdentity, StaticCredentialsResolver
from smithy_core.aio.eventstream import DuplexEventStream
from smithy_http.aio.crt import AWSCRTHTTPClient

from role_credentials import aws_session

type BedrockStream = DuplexEventStream[
    InvokeModelWithBidirectionalStreamInput,
    InvokeModelWithBidirectionalStreamOutput,
    InvokeModelWithBidirectionalStreamOperationOutput,
]

_OPEN_SECONDS = 3

# What the SDK has no class for, by the code in its message: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_CODES = {
    "ExpiredToken": ErrorCategory.AUTHENTICATION,
    "UnrecognizedClient": ErrorCategory.AUTHENTICATION,
    "InvalidSignature": ErrorCategory.AUTHENTICATION,
    "IncompleteSignature": ErrorCategory.AUTHENTICATION,
    "MissingAuthenticationToken": ErrorCategory.AUTHENTICATION,
}


class ModelUnavailableError(Exception):
    """The model can't go on with this call; `category` says why."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"the speech model can't go on: {type(cause).__name__}: {cause}")
        self.category = category_of(cause)
        self.__cause__ = cause


class Transport(AWSCRTHTTPClient):
    """The SDK's HTTP/2 client, which trusts the authorities that AWS_CA_BUNDLE or SSL_CERT_FILE names.

    The SDK copies its configuration, and with it this, for every call: a copy has a connection of its own, and keeps
    the thread and the trust, which the SDK's own copy would lose.
    """

    def __init__(self, *, eventloop: Any = None) -> None:
        super().__init__(eventloop=eventloop)
        if authorities := os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE"):
            options = TlsContextOptions()
            options.override_default_trust_store_from_path(None, authorities)
            self._tls_ctx = ClientTlsContext(options)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Transport":
        return Transport(eventloop=self._eventloop)


async def open_stream(*, model_id: str, region: str) -> BedrockStream:
    """Begin a stream. It may still be refused: that shows in its output.

    All events of a stream must be signed with the key of its first request, as the signatures are a chain: so each
    stream keeps the credentials of its start, and the next one gets fresh ones. Raises what the chain of credentials
    raises, and `TimeoutError` after 3 s.
    """
    async with asyncio.timeout(_OPEN_SECONDS):
        client = AsyncBedrockRuntimeClient(
            config=Config(
                endpoint_uri=os.environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME") or os.environ.get("AWS_ENDPOINT_URL"),
                region=region,
                # Asked for before the call: where the SDK itself fails to get credentials, it waits forever.
                aws_credentials_identity_resolver=StaticCredentialsResolver(await _identity()),
                transport=_transport(),
            )
        )
        stream: BedrockStream = await client.invoke_model_with_bidirectional_stream(
            InvokeModelWithBidirectionalStreamOperationInput(model_id=model_id)
        )
        return stream


def category_of(error: BaseException) -> ErrorCategory:
    """Why a stream failed, in Pipecat's terms."""
    match error:
        case NoCredentialsError() | CredentialRetrievalError():
            return ErrorCategory.AUTHENTICATION
        case models.AccessDeniedException():
            return ErrorCategory.AUTHORIZATION
        case models.ThrottlingException() | models.ServiceQuotaExceededException():
            return ErrorCategory.RATE_LIMIT
        case models.ValidationException() | models.ResourceNotFoundException():
            return ErrorCategory.INVALID_REQUEST
        case models.ServiceUnavailableException() | models.InternalServerException():
            return ErrorCategory.SERVER
        case models.ModelStreamErrorException() | models.ModelTimeoutException() | models.ModelNotReadyException():
            return ErrorCategory.SERVER
    coded = (category for code, category in _CODES.items() if code in str(error))
    return next(coded, ErrorCategory.CONNECTIVITY)


async def _identity() -> AWSCredentialsIdentity:
    credentials = await aws_session().get_credentials()
    if credentials is None:
        raise NoCredentialsError
    frozen = await credentials.get_frozen_credentials()
    return AWSCredentialsIdentity(
        access_key_id=frozen.access_key, secret_access_key=frozen.secret_key, session_token=frozen.token
    )


@cache
def _transport() -> Transport:
    return Transport()
