"""The errors of AgentCore's data plane beside the common ones."""

from http import HTTPStatus

from local.aws_http.errors import ErrorCode


class AgentCoreCode(ErrorCode):
    """Source: the errors of `InvokeAgentRuntime` and `StopRuntimeSession` in botocore's model."""

    SERVICE_QUOTA_EXCEEDED = ("ServiceQuotaExceededException", HTTPStatus.PAYMENT_REQUIRED)
    RESOURCE_NOT_FOUND = ("ResourceNotFoundException", HTTPStatus.NOT_FOUND)
    RETRYABLE_CONFLICT = ("RetryableConflictException", HTTPStatus.CONFLICT)
    RUNTIME_CLIENT = ("RuntimeClientError", HTTPStatus.FAILED_DEPENDENCY)
    THROTTLING = ("ThrottlingException", HTTPStatus.TOO_MANY_REQUESTS)
    INTERNAL_SERVER = ("InternalServerException", HTTPStatus.INTERNAL_SERVER_ERROR)
