"""One log group in CloudWatch Logs: made if it isn't there, kept as told, or deleted; each may be done twice."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Together longer than a service takes that makes the same group, and far below the function's time-out.
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class LogGroup:
    """`kms_key_arn` is empty for CloudWatch's own encryption."""

    name: str
    retention_days: int
    kms_key_arn: str

    def keep(self) -> None:
        """Bring the group to what the template says. Raises ClientError."""
        logs = _logs()
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            _settled(logs.create_log_group, logGroupName=self.name)
        _settled(logs.put_retention_policy, logGroupName=self.name, retentionInDays=self.retention_days)
        if self.kms_key_arn:
            _settled(logs.associate_kms_key, logGroupName=self.name, kmsKeyId=self.kms_key_arn)

    def take_key_away(self) -> None:
        """Leave the encryption of what comes to CloudWatch. Raises ClientError."""
        _settled(_logs().disassociate_kms_key, logGroupName=self.name)

    def delete(self) -> None:
        """Delete the group with what is in it. Raises ClientError."""
        logs = _logs()
        with suppress(logs.exceptions.ResourceNotFoundException):
            _settled(logs.delete_log_group, logGroupName=self.name)


def _logs() -> Any:
    return boto3.client("logs", config=Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard"}))


def _settled(call: Callable[..., object], **arguments: object) -> None:
    """Call again while CloudWatch Logs is at another request for the same group."""
    for seconds in PAUSES_SECONDS:
        try:
            call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "OperationAbortedException":
                raise
            time.sleep(seconds)
        else:
            return
    call(**arguments)
