"""The role credentials of processes, handed out as a container credentials provider does.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import hmac
import secrets
from dataclasses import dataclass
from typing import Protocol

from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest


class RoleCredentials(Protocol):
    """Makes fresh credentials of a role for a service's process."""

    def __call__(self, role_arn: str, *, session_name: str) -> dict[str, str]:
        """Return AccessKeyId, SecretAccessKey, Token, Expiration (ISO 8601, UTC) and RoleArn.

        Raise `ServiceError` (`AccessDeniedException`) when the role can't be assumed.
        """


@dataclass(frozen=True, kw_only=True)
class _Grant:
    role_arn: str
    authorization: str


class ContainerCredentials:
    """Who may fetch which role's credentials below `path`; a grant lasts as long as its process."""

    def __init__(self, *, role_credentials: RoleCredentials, base_url: str, path: str) -> None:
        self._role_credentials = role_credentials
        self._base_url = base_url
        self._path = path
        self._grants: dict[str, _Grant] = {}

    def handles(self, path: str) -> bool:
        """Whether credentials are asked for."""
        return path.startswith(self._path)

    def grant(self, *, process_id: str, role_arn: str) -> dict[str, str]:
        """Let a process have a role's credentials; return the environment that tells an AWS SDK how."""
        grant = _Grant(role_arn=role_arn, authorization=secrets.token_urlsafe(32))
        self._grants[process_id] = grant
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._base_url}{self._path}{process_id}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": grant.authorization,
        }

    def revoke(self, process_id: str) -> None:
        """Refuse a process from now on."""
        self._grants.pop(process_id, None)

    def answer(self, http: HttpRequest) -> dict[str, str]:
        """Return fresh credentials; raise `AccessDeniedException` for an ended process or a wrong token."""
        if http.method != "GET":
            raise ServiceError(CommonCode.UNKNOWN_OPERATION, "credentials are only read")
        process_id = http.raw_path.removeprefix(self._path)
        grant = self._grants.get(process_id)
        authorization = http.headers.get("authorization", "")
        if grant is None or not hmac.compare_digest(grant.authorization.encode(), authorization.encode()):
            raise ServiceError(CommonCode.ACCESS_DENIED, "the container authorization token is wrong or has ended")
        return self._role_credentials(grant.role_arn, session_name=process_id)
