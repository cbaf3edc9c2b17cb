"""The errors of the two services, with the statuses of botocore's models."""

from http import HTTPStatus

from local.aws_http.errors import ErrorCode


class KinesisVideoCode(ErrorCode):
    """Source: the models kinesisvideo 2017-09-30 and kinesis-video-signaling 2019-12-04; the last is a common error.

    A caller without permission meets IAM's common error: its 403 was seen, whatever status the models state.
    https://github.com/aws/aws-cli/issues/5857
    """

    ACCOUNT_CHANNEL_LIMIT_EXCEEDED = ("AccountChannelLimitExceededException", HTTPStatus.BAD_REQUEST)
    CLIENT_LIMIT_EXCEEDED = ("ClientLimitExceededException", HTTPStatus.BAD_REQUEST)
    INVALID_ARGUMENT = ("InvalidArgumentException", HTTPStatus.BAD_REQUEST)
    RESOURCE_IN_USE = ("ResourceInUseException", HTTPStatus.BAD_REQUEST)
    RESOURCE_NOT_FOUND = ("ResourceNotFoundException", HTTPStatus.NOT_FOUND)
    TAGS_PER_RESOURCE_EXCEEDED_LIMIT = ("TagsPerResourceExceededLimitException", HTTPStatus.BAD_REQUEST)
    VERSION_MISMATCH = ("VersionMismatchException", HTTPStatus.BAD_REQUEST)
    INTERNAL_FAILURE = ("InternalFailure", HTTPStatus.INTERNAL_SERVER_ERROR)
