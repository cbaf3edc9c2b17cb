"""AWS::BedrockAgentCore::Memory in the embedded cloud."""

from typing import Any

import pytest

from .conftest import Cloud
from .templates import get, ref, resource


def memory(**properties: Any) -> dict[str, Any]:
    least = {"Name": "callers", "EventExpiryDuration": 30}
    return {"Memory": resource("AWS::BedrockAgentCore::Memory", **least | properties)}


def test_a_memory_is_made_changed_and_removed(cloud: Cloud) -> None:
    control = cloud.client("bedrock-agentcore-control")
    outputs = {"Ref": ref("Memory"), "Arn": get("Memory", "MemoryArn"), "Id": get("Memory", "MemoryId")}

    made = cloud.deploy("memory", memory(), **outputs)

    assert made.status == "CREATE_COMPLETE", made.reasons
    memory_id = made.outputs["Id"]
    assert memory_id.startswith("callers-")
    arn = f"arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/{memory_id}"
    assert (made.outputs["Arn"], made.outputs["Ref"]) == (arn, arn)

    changed = cloud.deploy("memory", memory(EventExpiryDuration=7, Description="What callers said"), **outputs)

    assert changed.outputs == made.outputs
    now = control.get_memory(memoryId=memory_id)["memory"]
    assert (now["eventExpiryDuration"], now["description"]) == (7, "What callers said")

    assert cloud.deploy("memory", memory(Name="renamed"), **outputs).outputs["Id"] != memory_id
    assert cloud.destroy("memory").status == "DELETE_COMPLETE"
    assert control.list_memories()["memories"] == []


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Name": "my-callers"}, "Name 'my-callers' has to match"),
        ({"EventExpiryDuration": 2}, "has to be 3 to 365 days"),
        ({"MemoryStrategies": []}, "key [MemoryStrategies] is not supported"),
    ],
)
def test_what_agentcore_refuses_is_refused(cloud: Cloud, properties: dict[str, Any], reason: str) -> None:
    made = cloud.deploy("refused", memory(**properties))
    cloud.destroy("refused")

    assert made.status == "ROLLBACK_COMPLETE"
    assert any(reason in said for said in made.reasons), made.reasons
