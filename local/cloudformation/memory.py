"""AWS::BedrockAgentCore::Memory."""

from typing import Any

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.cloudformation.runtime_checks import NAME
from local.emulator.clients import client

CONTROL = "bedrock-agentcore-control"
# CloudFormation registry: AWS::BedrockAgentCore::Memory (2026-10-20)
_EXPIRY_DAYS = range(3, 366)


class Memory(ResourceType):
    """AWS::BedrockAgentCore::Memory with short-term events only; Ref is its ARN. Nothing expires here."""

    name = "AWS::BedrockAgentCore::Memory"
    required = frozenset({"Name", "EventExpiryDuration"})
    optional = frozenset({"Description", "Tags"})
    create_only = frozenset({"Name"})

    def create(self, properties: Properties) -> Resource:
        """Make the memory."""
        if not NAME.fullmatch(properties["Name"]):
            raise ValueError(f"Name {properties['Name']!r} has to match {NAME.pattern}.")
        made = client(CONTROL).create_memory(name=properties["Name"], **self._request(properties))
        return _resource(made["memory"])

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Change the description and how long events are kept."""
        changed = client(CONTROL).update_memory(memoryId=_id(physical_id), **self._request(properties))
        return _resource(changed["memory"])

    def delete(self, physical_id: str) -> None:
        """Delete the memory with all that is in it."""
        control = client(CONTROL)
        try:
            control.delete_memory(memoryId=_id(physical_id))
        except control.exceptions.ResourceNotFoundException:
            return

    def _request(self, properties: Properties) -> dict[str, Any]:
        days = int(properties["EventExpiryDuration"])
        if days not in _EXPIRY_DAYS:
            raise ValueError(f"EventExpiryDuration {days} has to be 3 to 365 days.")
        return {
            "eventExpiryDuration": days,
            **({"description": properties["Description"]} if "Description" in properties else {}),
        }


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]


def _resource(memory: Any) -> Resource:
    return Resource(
        physical_id=memory["arn"],
        attributes={
            "MemoryArn": memory["arn"],
            "MemoryId": memory["id"],
            "Status": memory["status"],
            "CreatedAt": memory["createdAt"].isoformat(),
            "UpdatedAt": memory["updatedAt"].isoformat(),
        },
    )
