"""A refusal in AWS's shape: an error code, the HTTP status that goes with it, and a sentence."""

from enum import Enum
from http import HTTPStatus


class ErrorCode(Enum):
    """A service's codes with their statuses; each service has an enumeration of its own."""

    @property
    def code(self) -> str:
        """The name that an AWS SDK raises."""
        code, _ = self.value
        return str(code)

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status of the answer."""
        _, status = self.value
        return HTTPStatus(status)


class CommonCode(ErrorCode):
    """The codes that all services share.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    """

    VALIDATION = ("ValidationException", HTTPStatus.BAD_REQUEST)
    INCOMPLETE_SIGNATURE = ("IncompleteSignatureException", HTTPStatus.BAD_REQUEST)
    ACCESS_DENIED = ("AccessDeniedException", HTTPStatus.FORBIDDEN)
    INVALID_SIGNATURE = ("InvalidSignatureException", HTTPStatus.FORBIDDEN)
    MISSING_AUTHENTICATION = ("MissingAuthenticationTokenException", HTTPStatus.FORBIDDEN)
    UNRECOGNIZED_CLIENT = ("UnrecognizedClientException", HTTPStatus.FORBIDDEN)
    UNKNOWN_OPERATION = ("UnknownOperationException", HTTPStatus.NOT_FOUND)


class ServiceError(Exception):
    """A request that a service refuses; the message goes to the caller and never holds a secret."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
