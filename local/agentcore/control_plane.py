"""What the data plane asks of the control plane: credentials, permissions, versions and how to start an agent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.aws_http.identity import Identity


@dataclass(frozen=True, kw_only=True)
class RuntimeVersion:
    """One immutable version of an agent runtime, as the template made it; allowed headers are in lower case."""

    runtime_arn: str
    runtime_id: str
    version: str
    image_uri: str
    role_arn: str
    environment: Mapping[str, str]
    allowed_headers: frozenset[str]
    idle_timeout_seconds: float
    max_lifetime_seconds: float


@dataclass(frozen=True, kw_only=True)
class AgentCommand:
    """How a process of an image is started: its argument vector and its working directory."""

    argv: Sequence[str]
    cwd: Path


class ControlPlane(Identity, Protocol):
    """The side of the embedded cloud that knows keys, policies, runtimes and images. No method may block for long."""

    def resolve(self, *, runtime_arn: str, qualifier: str) -> RuntimeVersion | None:
        """Return the version that an endpoint points to, or None when the runtime or the endpoint doesn't exist."""

    def endpoint_arn(self, *, runtime_arn: str, qualifier: str) -> str:
        """Return the ARN of an endpoint, whether it exists or not."""

    def role_credentials(self, role_arn: str, *, session_name: str) -> dict[str, str]:
        """Return fresh AccessKeyId, SecretAccessKey, Token, Expiration (ISO 8601, UTC) and RoleArn.

        Raise `ServiceError` (`AccessDeniedException`) when the role can't be assumed.
        """

    def agent_command(self, version: RuntimeVersion) -> AgentCommand:
        """Return how a process of this version's image is started.

        Raise `ServiceError` (`RuntimeClientError`) when there is no such image.
        """
