"""What a service asks about its caller: whose key it is, and what IAM allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Credential:
    """An access key that is valid now, and whose it is; `session_token` is None for a long-term key."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    principal_arn: str
    account_id: str


class Identity(Protocol):
    """The side of the embedded cloud that knows keys and policies. No method may block for long."""

    def credential(self, access_key_id: str) -> Credential | None:
        """Return the credential of a key, or None when it is unknown or expired."""

    def allowed(self, *, credential: Credential, action: str, resources: Sequence[str]) -> bool:
        """Whether IAM allows an action (`service:Action`) on every one of the resources (ARNs)."""
