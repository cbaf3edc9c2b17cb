"""AWS::BedrockAgentCore::Runtime and RuntimeEndpoint."""

from collections.abc import Callable
from typing import Any

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.cloudformation.runtime_checks import NAME, check_network, check_role_and_image, check_values, lifecycle
from local.emulator.clients import client

CONTROL = "bedrock-agentcore-control"


class Runtime(ResourceType):
    """AWS::BedrockAgentCore::Runtime from a container image. Ref is its id. Every update makes a new version."""

    name = "AWS::BedrockAgentCore::Runtime"
    required = frozenset({"AgentRuntimeName", "AgentRuntimeArtifact", "RoleArn", "NetworkConfiguration"})
    optional = frozenset(
        {
            "Description",
            "EnvironmentVariables",
            "LifecycleConfiguration",
            "PlatformVersion",
            "ProtocolConfiguration",
            "RequestHeaderConfiguration",
            "Tags",
        }
    )
    create_only = frozenset({"AgentRuntimeName"})

    def create(self, properties: Properties) -> Resource:
        """Make version 1."""
        request = self._request(properties)
        made = client(CONTROL).create_agent_runtime(agentRuntimeName=properties["AgentRuntimeName"], **request)
        return self._resource(made["agentRuntimeId"])

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Make the next version."""
        client(CONTROL).update_agent_runtime(agentRuntimeId=physical_id, **self._request(properties))
        return self._resource(physical_id)

    def delete(self, physical_id: str) -> None:
        """Delete the runtime with its versions."""
        control = client(CONTROL)
        try:
            control.delete_agent_runtime(agentRuntimeId=physical_id)
        except control.exceptions.ResourceNotFoundException:
            return

    def _request(self, properties: Properties) -> dict[str, Any]:
        check_values(properties)
        check_network(properties)
        check_role_and_image(properties)
        idle, longest = lifecycle(properties)
        request = {
            "agentRuntimeArtifact": _api_names(properties["AgentRuntimeArtifact"]),
            "roleArn": properties["RoleArn"],
            "networkConfiguration": _api_names(properties["NetworkConfiguration"]),
            "environmentVariables": properties.get("EnvironmentVariables", {}),
            "lifecycleConfiguration": {"idleRuntimeSessionTimeout": idle, "maxLifetime": longest},
            "protocolConfiguration": {"serverProtocol": "HTTP"},
        }
        given = {"Description": "description", "RequestHeaderConfiguration": "requestHeaderConfiguration"}
        return request | {api: _api_names(properties[name]) for name, api in given.items() if name in properties}

    def _resource(self, runtime_id: str) -> Resource:
        runtime = client(CONTROL).get_agent_runtime(agentRuntimeId=runtime_id)
        return Resource(
            physical_id=runtime_id,
            attributes={
                "AgentRuntimeArn": runtime["agentRuntimeArn"],
                "AgentRuntimeId": runtime_id,
                "AgentRuntimeVersion": runtime["agentRuntimeVersion"],
                "Status": runtime["status"],
                "CreatedAt": runtime["createdAt"].isoformat(),
                "LastUpdatedAt": runtime["lastUpdatedAt"].isoformat(),
                "WorkloadIdentityDetails.WorkloadIdentityArn": runtime["workloadIdentityDetails"][
                    "workloadIdentityArn"
                ],
            },
        )


class RuntimeEndpoint(ResourceType):
    """AWS::BedrockAgentCore::RuntimeEndpoint; Ref is its ARN. `on_live(runtime ARN, name)` hears of each version."""

    name = "AWS::BedrockAgentCore::RuntimeEndpoint"
    required = frozenset({"AgentRuntimeId", "Name"})
    optional = frozenset({"AgentRuntimeVersion", "Description", "Tags"})
    create_only = frozenset({"AgentRuntimeId", "Name"})

    def __init__(self, *, on_live: Callable[[str, str], None]) -> None:
        self._on_live = on_live

    def create(self, properties: Properties) -> Resource:
        """Make the endpoint."""
        if not NAME.fullmatch(properties["Name"]):
            raise ValueError(f"Name {properties['Name']!r} has to match {NAME.pattern}.")
        runtime_id = properties["AgentRuntimeId"]
        client(CONTROL).create_agent_runtime_endpoint(
            agentRuntimeId=runtime_id, name=properties["Name"], **self._request(properties)
        )
        return self._went_live(runtime_id, properties["Name"])

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Move the endpoint to another version."""
        runtime_id, name = _runtime_id_and_name(physical_id)
        client(CONTROL).update_agent_runtime_endpoint(
            agentRuntimeId=runtime_id, endpointName=name, **self._request(properties)
        )
        return self._went_live(runtime_id, name)

    def delete(self, physical_id: str) -> None:
        """Delete the endpoint."""
        runtime_id, name = _runtime_id_and_name(physical_id)
        control = client(CONTROL)
        try:
            control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName=name)
        except control.exceptions.ResourceNotFoundException:
            return

    def _request(self, properties: Properties) -> dict[str, Any]:
        names = {"AgentRuntimeVersion": "agentRuntimeVersion", "Description": "description"}
        return {api: properties[name] for name, api in names.items() if name in properties}

    def _went_live(self, runtime_id: str, name: str) -> Resource:
        endpoint = client(CONTROL).get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName=name)
        self._on_live(endpoint["agentRuntimeArn"], name)
        return Resource(
            physical_id=endpoint["agentRuntimeEndpointArn"],
            attributes={
                "AgentRuntimeEndpointArn": endpoint["agentRuntimeEndpointArn"],
                "AgentRuntimeArn": endpoint["agentRuntimeArn"],
                "Id": endpoint["id"],
                "Status": endpoint["status"],
                "LiveVersion": endpoint["liveVersion"],
                "TargetVersion": endpoint["targetVersion"],
                "CreatedAt": endpoint["createdAt"].isoformat(),
                "LastUpdatedAt": endpoint["lastUpdatedAt"].isoformat(),
            },
        )


def _runtime_id_and_name(endpoint_arn: str) -> tuple[str, str]:
    _, runtime_id, _, name = endpoint_arn.split("/")
    return runtime_id, name


def _api_names(value: Any) -> Any:
    """Spell a template's names as the API does: AgentRuntimeId is agentRuntimeId."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _api_names(inner) for name, inner in value.items()}
    return value
