"""What ministack's AgentCore control plane knows of runtimes, versions and endpoints."""

from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import bedrock_agentcore


def version_behind(runtime_arn: str, *, endpoint: str) -> Mapping[str, Any] | None:
    """Return the version that an endpoint is live with, in the shape of GetAgentRuntime; None: no such endpoint."""
    runtime, account_id, region = bedrock_agentcore._find_runtime(runtime_arn)
    found = bedrock_agentcore._endpoint_for_qualifier(runtime, account_id, region, endpoint)
    if found is None:
        return None
    version: Mapping[str, Any] = bedrock_agentcore._runtime_versions(runtime)[found["liveVersion"]]
    return version


def arn_of_runtime_with(role_arn: str) -> str | None:
    """Return the ARN of a runtime of which some version has this role."""
    return next((version["agentRuntimeArn"] for version in _versions() if version["roleArn"] == role_arn), None)


def _versions() -> Iterator[Mapping[str, Any]]:
    for runtime in bedrock_agentcore._runtimes.all_values():
        yield from bedrock_agentcore._runtime_versions(runtime).values()
