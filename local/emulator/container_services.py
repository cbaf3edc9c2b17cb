"""ministack's ECS: task definitions are its own, while services and tasks are this cloud's real ones."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs, secretsmanager

type Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]

# What would need services and tasks outside of stacks.
REFUSED: Final = ("CreateService", "DeleteService", "RunTask", "StartTask")


def register_task_definition(request: Mapping[str, Any]) -> str:
    """Register a task definition as the API does, and return its ARN; ValueError when ECS refuses it."""
    status, _, body = ecs._register_task_definition(request)
    answer = json.loads(body)
    if status != 200:
        raise ValueError(answer.get("message", answer))
    arn: str = answer["taskDefinition"]["taskDefinitionArn"]
    return arn


def deregister_task_definition(arn: str) -> None:
    """Let no new service have this revision."""
    ecs._deregister_task_definition({"taskDefinition": arn})


def cluster_arn(name: str) -> str:
    """Return the ARN of an active cluster, by its name or ARN; ValueError when there is none."""
    found = ecs._clusters.get(ecs._resolve_cluster_name(name))
    if not found:
        raise ValueError("Cluster not found.")
    return str(found["clusterArn"])


def secret_value(value_from: str) -> str | None:
    """Return a secret's value as ECS puts it into a variable: the whole, or a key of its JSON; None: no such value."""
    arn, (key, stage, version_id) = _secret_parts(value_from)
    text = secretsmanager.resolve_secret_string(arn, stage or "AWSCURRENT", version_id or None)
    if text is None or not key:
        return None if text is None else str(text)
    value = json.loads(text).get(key)
    return None if value is None else str(value)


def secret_arn(value_from: str) -> str:
    """Return the secret's ARN alone."""
    return _secret_parts(value_from)[0]


def _secret_parts(value_from: str) -> tuple[str, tuple[str, str, str]]:
    parts = value_from.split(":")
    key, stage, version_id = (*parts[7:10], "", "", "")[:3]
    return ":".join(parts[:7]), (key, stage, version_id)


def serve_services(operations: Mapping[str, Operation]) -> None:
    """Let these operations of ECS be answered from here; what they raise as LookupError or ValueError is refused."""
    handle_request = ecs.handle_request

    async def corrected(method: str, path: str, headers: Mapping[str, str], body: bytes, *rest: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in REFUSED:
            message = f"The embedded cloud runs services of stacks only; it has no {action}."
            return error_response_json("UnsupportedFeatureException", message, 400)
        if action not in operations:
            return await handle_request(method, path, headers, body, *rest)
        try:
            return json_response(operations[action](json.loads(body or b"{}")))
        except LookupError as error:
            return error_response_json("ServiceNotFoundException", str(error), 400)
        except ValueError as error:
            return error_response_json("InvalidParameterException", str(error), 400)

    ecs.handle_request = corrected
