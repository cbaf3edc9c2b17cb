"""The credentials in Lambda's environment, without the import of botocore's providers (a tenth of a cold start)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials


class CredentialsError(Exception):
    """The environment holds no usable credentials; the message names the variable and never its value."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """One set of keys; the secret parts stay out of `repr`.

    `expires_at` is known only where AWS_CREDENTIAL_EXPIRATION is set (the AWS CLI's `export-credentials` writes it;
    Lambda doesn't).
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    def for_botocore(self) -> "ReadOnlyCredentials":
        """These keys as botocore's signers take them: they read `access_key`, `secret_key` and `token` only."""
        return cast("ReadOnlyCredentials", self)

    def seconds_left(self) -> float:
        """Seconds until the keys expire; infinite where that isn't known."""
        if self.expires_at is None:
            return float("inf")
        return (self.expires_at - datetime.now(UTC)).total_seconds()


def load_credentials(*, environ: Mapping[str, str]) -> Credentials:
    """The credentials of this invocation.

    Raises `CredentialsError` where a variable is missing, or where the keys have expired.
    """
    credentials = Credentials(
        access_key=_required(environ=environ, name="AWS_ACCESS_KEY_ID"),
        secret_key=_required(environ=environ, name="AWS_SECRET_ACCESS_KEY"),
        token=environ.get("AWS_SESSION_TOKEN") or None,
        expires_at=_expires_at(environ=environ),
    )
    if credentials.seconds_left() < 1:
        raise CredentialsError("the credentials in the environment have expired: AWS_CREDENTIAL_EXPIRATION is past")
    return credentials


def _required(*, environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise CredentialsError(f"{name} is not set: Lambda sets it from the function's role")
    return value


def _expires_at(*, environ: Mapping[str, str]) -> datetime | None:
    text = environ.get("AWS_CREDENTIAL_EXPIRATION")
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        raise CredentialsError("AWS_CREDENTIAL_EXPIRATION must be a time such as 2030-01-31T12:00:00Z") from None
