"""A refusal in AgentCore's shape: an error code, the HTTP status that goes with it, and a sentence."""

from enum import Enum
from http import HTTPStatus


class ErrorCode(Enum):
    """The codes with their statuses.

    Source: the errors of `InvokeAgentRuntime` and `StopRuntimeSession` in botocore's model, and IAM's common errors.
    """

    VALIDATION = ("ValidationException", HTTPStatus.BAD_REQUEST)
    INCOMPLETE_SIGNATURE = ("IncompleteSignatureException", HTTPStatus.BAD_REQUEST)
    SERVICE_QUOTA_EXCEEDED = ("ServiceQuotaExceededException", HTTPStatus.PAYMENT_REQUIRED)
    ACCESS_DENIED = ("AccessDeniedException", HTTPStatus.FORBIDDEN)
    INVALID_SIGNATURE = ("InvalidSignatureException", HTTPStatus.FORBIDDEN)
    MISSING_AUTHENTICATION = ("MissingAuthenticationTokenException", HTTPStatus.FORBIDDEN)
    UNRECOGNIZED_CLIENT = ("UnrecognizedClientException", HTTPStatus.FORBIDDEN)
    RESOURCE_NOT_FOUND = ("ResourceNotFoundException", HTTPStatus.NOT_FOUND)
    UNKNOWN_OPERATION = ("UnknownOperationException", HTTPStatus.NOT_FOUND)
    RETRYABLE_CONFLICT = ("RetryableConflictException", HTTPStatus.CONFLICT)
    RUNTIME_CLIENT = ("RuntimeClientError", HTTPStatus.FAILED_DEPENDENCY)
    THROTTLING = ("ThrottlingException", HTTPStatus.TOO_MANY_REQUESTS)
    INTERNAL_SERVER = ("InternalServerException", HTTPStatus.INTERNAL_SERVER_ERROR)

    @property
    def code(self) -> str:
        """The name that an AWS SDK raises."""
        return self.value[0]

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status of the answer."""
        return self.value[1]


class DataPlaneError(Exception):
    """A request that the data plane refuses; the message goes to the caller and never holds a secret."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        """The answer's members; a validation error must give a reason too."""
        reason = {"reason": "FieldValidationFailed"} if self.code is ErrorCode.VALIDATION else {}
        return {"message": self.message} | reason
