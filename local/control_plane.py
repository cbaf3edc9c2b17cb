"""The control plane that the AgentCore data plane asks: ministack's keys, policies and runtimes, and the images."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.agentcore.control_plane import AgentCommand, RuntimeVersion
from local.agentcore.errors import AgentCoreCode
from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.identity import Credential
from local.emulator import identity, runtimes
from local.images import ImageStore
from local.state import ACCOUNT_ID, REGION

# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-lifecycle-settings.html
DEFAULT_LIFECYCLE = {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28_800}


@dataclass(frozen=True, kw_only=True)
class EmulatedControlPlane:
    """Implements `local.agentcore.control_plane.ControlPlane`."""

    images: ImageStore
    agent_python: Path

    def credential(self, access_key_id: str) -> Credential | None:
        """Return the credential of a key, or None when it is unknown, inactive or expired."""
        key = identity.key(access_key_id, account_id=ACCOUNT_ID)
        return Credential(**asdict(key)) if key else None

    def allowed(self, *, credential: Credential, action: str, resources: Sequence[str]) -> bool:
        """Whether IAM allows an action on every one of the resources."""
        return all(
            identity.is_allowed(
                credential.access_key_id,
                account_id=credential.account_id,
                region=_region(resource),
                action=action,
                resource_arn=resource,
            )
            for resource in resources
        )

    def resolve(self, *, runtime_arn: str, qualifier: str) -> RuntimeVersion | None:
        """Return the version that an endpoint is live with, or None when there is no such runtime or endpoint."""
        version = runtimes.version_behind(runtime_arn, endpoint=qualifier)
        if version is None:
            return None
        lifecycle = DEFAULT_LIFECYCLE | version.get("lifecycleConfiguration", {})
        return RuntimeVersion(
            runtime_arn=version["agentRuntimeArn"],
            runtime_id=version["agentRuntimeId"],
            version=version["agentRuntimeVersion"],
            image_uri=version["agentRuntimeArtifact"]["containerConfiguration"]["containerUri"],
            role_arn=version["roleArn"],
            environment=version.get("environmentVariables", {}),
            allowed_headers=_allowed_headers(version),
            idle_timeout_seconds=lifecycle["idleRuntimeSessionTimeout"],
            max_lifetime_seconds=lifecycle["maxLifetime"],
        )

    def endpoint_arn(self, *, runtime_arn: str, qualifier: str) -> str:
        """Return the ARN of an endpoint, whether it exists or not."""
        return f"{runtime_arn}/runtime-endpoint/{qualifier}"

    def role_credentials(self, role_arn: str, *, session_name: str) -> dict[str, str]:
        """Assume an execution role as the service does; AccessDeniedException when its trust policy refuses that."""
        runtime_arn = runtimes.arn_of_runtime_with(role_arn)
        if runtime_arn is None:
            raise ServiceError(CommonCode.ACCESS_DENIED, f"no agent runtime has the role {role_arn}")
        try:
            session = identity.service_session(
                role_arn, session_name=session_name, source_arn=runtime_arn, region=_region(runtime_arn)
            )
        except PermissionError as error:
            raise ServiceError(CommonCode.ACCESS_DENIED, str(error)) from error
        return session.for_container()

    def agent_command(self, version: RuntimeVersion) -> AgentCommand:
        """Start the agent in the image's build context; RuntimeClientError when this cloud has no such image."""
        try:
            image = self.images.find(version.image_uri)
        except LookupError as error:
            raise ServiceError(AgentCoreCode.RUNTIME_CLIENT, str(error)) from error
        return AgentCommand(argv=(str(self.agent_python), "server.py"), cwd=image.context)


def _allowed_headers(version: Mapping[str, Any]) -> frozenset[str]:
    configuration = version.get("requestHeaderConfiguration", {})
    return frozenset(name.lower() for name in configuration.get("requestHeaderAllowlist", []))


def _region(resource: str) -> str:
    """Return the region of an ARN; `*`, and what a request gives for an ARN, may lack one."""
    _, _, _, region, *_ = f"{resource}::::".split(":")
    return region or REGION
