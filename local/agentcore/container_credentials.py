"""The role credentials of agent processes, handed out as a container credentials provider does.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import hmac
import secrets
from dataclasses import dataclass

from local.agentcore.control_plane import ControlPlane
from local.aws_http.errors import CommonCode, ServiceError

CREDENTIALS_PATH = "/_agentcore/credentials/"


@dataclass(frozen=True, kw_only=True)
class _Grant:
    role_arn: str
    authorization: str


class ContainerCredentials:
    """Who may fetch which role's credentials; a grant lasts as long as its process."""

    def __init__(self, *, control_plane: ControlPlane, base_url: str) -> None:
        self._control_plane = control_plane
        self._base_url = base_url
        self._grants: dict[str, _Grant] = {}

    def grant(self, *, process_id: str, role_arn: str) -> dict[str, str]:
        """Let a process have a role's credentials; return the environment that tells an AWS SDK how."""
        grant = _Grant(role_arn=role_arn, authorization=secrets.token_urlsafe(32))
        self._grants[process_id] = grant
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._base_url}{CREDENTIALS_PATH}{process_id}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": grant.authorization,
        }

    def revoke(self, process_id: str) -> None:
        """Refuse a process from now on."""
        self._grants.pop(process_id, None)

    def fetch(self, *, process_id: str, authorization: str) -> dict[str, str]:
        """Return fresh credentials; raise `AccessDeniedException` for an ended process or a wrong token."""
        grant = self._grants.get(process_id)
        if grant is None or not hmac.compare_digest(grant.authorization.encode(), authorization.encode()):
            raise ServiceError(CommonCode.ACCESS_DENIED, "the container authorization token is wrong or has ended")
        return self._control_plane.role_credentials(grant.role_arn, session_name=process_id)
