"""GetSecretValue: one version of a secret, with the time of its making."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.aws_request import AwsUnreachableError, send_signed
from shared.credentials import Credentials
from shared.secret_reference import SecretReference

type Stage = Literal["AWSCURRENT", "AWSPREVIOUS"]


class SecretUnavailableError(Exception):
    """The secret could not be read; the message is a cause fit for a log (an error's name, or an HTTP status)."""


class NoSuchVersionError(SecretUnavailableError):
    """There is no such secret, or none at this stage: ResourceNotFoundException."""


@dataclass(frozen=True, kw_only=True)
class SecretVersion:
    """A version's text; `created_at` is in seconds since the epoch, 0 where the answer doesn't tell."""

    text: str = field(repr=False)
    created_at: float


def secret_version(
    *,
    secret: SecretReference,
    credentials: Credentials,
    stage: Stage = "AWSCURRENT",
    timeout_seconds: float | None = None,
) -> SecretVersion:
    """The version of a secret at this stage, read now; raises `SecretUnavailableError`.

    `timeout_seconds` is as `send_signed` has it.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    try:
        response = send_signed(
            url=f"{secret.endpoint_url}/",
            service="secretsmanager",
            region=secret.region,
            credentials=credentials,
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"},
            body=json.dumps({"SecretId": secret.arn, "VersionStage": stage}).encode(),
            timeout_seconds=timeout_seconds,
        )
    except AwsUnreachableError as error:
        raise SecretUnavailableError(str(error)) from None
    if response.error_type == "ResourceNotFoundException":
        raise NoSuchVersionError(response.error_type)
    if response.status != 200:
        raise SecretUnavailableError(response.error_type or f"HTTP {response.status}")
    return _version(body=response.body)


def _version(*, body: bytes) -> SecretVersion:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        raise SecretUnavailableError("MalformedAnswer") from None
    text = answer.get("SecretString") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise SecretUnavailableError("NoSecretString")
    created = answer.get("CreatedDate")
    return SecretVersion(text=text, created_at=float(created) if isinstance(created, int | float) else 0.0)
