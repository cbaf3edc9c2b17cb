"""A task definition for Fargate with one container, read from a template and held to what Fargate takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html (task size)
_MEMORY_MIB: Final = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}
_STOP_SECONDS: Final = range(2, 121)
_DEFAULT_STOP_SECONDS: Final = 30
_PLATFORM: Final = {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
_IMAGE_URI = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?P<repository>[^:@]+)[:@](?P<id>.+)")
_CONTAINER_KEYS = frozenset(
    {
        "Command",
        "Cpu",
        "EntryPoint",
        "Environment",
        "Essential",
        "HealthCheck",
        "Image",
        "LinuxParameters",
        "LogConfiguration",
        "Memory",
        "MemoryReservation",
        "Name",
        "PortMappings",
        "ReadonlyRootFilesystem",
        "Secrets",
        "StopTimeout",
        "Ulimits",
        "User",
    }
)


@dataclass(frozen=True, kw_only=True)
class TaskDefinition:
    """What a task is made from; `secrets` are names of variables with what ECS calls `valueFrom`."""

    image_uri: str
    repository: str
    container_name: str
    container_port: int
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    stop_seconds: int
    log_group: str
    execution_role_arn: str
    task_role_arn: str | None

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> Self:
        """Read a template's properties; ValueError for what Fargate refuses or this cloud doesn't have."""
        _check_platform(properties)
        container = _container(properties)
        image = _IMAGE_URI.fullmatch(container["Image"])
        if not image:
            raise ValueError(f"Image {container['Image']!r} is not an image in a private ECR repository.")
        (port,) = container["PortMappings"]
        return cls(
            image_uri=container["Image"],
            repository=image["repository"],
            container_name=container["Name"],
            container_port=int(port["ContainerPort"]),
            environment={each["Name"]: str(each["Value"]) for each in container.get("Environment", [])},
            secrets={each["Name"]: each["ValueFrom"] for each in container.get("Secrets", [])},
            entry_point=tuple(container.get("EntryPoint", ())),
            command=tuple(container.get("Command", ())),
            stop_seconds=_stop_seconds(container),
            log_group=_log_group(container),
            execution_role_arn=properties["ExecutionRoleArn"],
            task_role_arn=properties.get("TaskRoleArn"),
        )


def _check_platform(properties: Mapping[str, Any]) -> None:
    if properties["NetworkMode"] != "awsvpc" or properties["RequiresCompatibilities"] != ["FARGATE"]:
        raise ValueError("NetworkMode has to be awsvpc and RequiresCompatibilities [FARGATE] in the embedded cloud.")
    if properties["RuntimePlatform"] != _PLATFORM:
        raise ValueError(f"RuntimePlatform has to be {_PLATFORM}, as the kit's images are.")
    cpu, memory = int(properties["Cpu"]), int(properties["Memory"])
    if memory not in _MEMORY_MIB.get(cpu, ()):
        raise ValueError(f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")


def _container(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = properties["ContainerDefinitions"]
    if len(containers) != 1:
        raise ValueError(f"ContainerDefinitions: the embedded cloud runs one container a task, got {len(containers)}.")
    container: Mapping[str, Any] = containers[0]
    if unknown := sorted(container.keys() - _CONTAINER_KEYS):
        raise ValueError(f"ContainerDefinitions: {', '.join(unknown)} is not supported by the embedded cloud.")
    if len(container.get("PortMappings", [])) != 1 or container["PortMappings"][0].get("Protocol", "tcp") != "tcp":
        raise ValueError("PortMappings: the embedded cloud needs one TCP port a container.")
    if container.get("Essential", True) is not True:
        raise ValueError("Essential: the only container of a task has to be essential.")
    return container


def _stop_seconds(container: Mapping[str, Any]) -> int:
    seconds = int(container.get("StopTimeout", _DEFAULT_STOP_SECONDS))
    if seconds not in _STOP_SECONDS:
        raise ValueError(f"StopTimeout {seconds} has to be 2 to 120 s on Fargate.")
    return seconds


def _log_group(container: Mapping[str, Any]) -> str:
    configuration = container.get("LogConfiguration", {})
    options = configuration.get("Options", {})
    if configuration.get("LogDriver") != "awslogs" or not {"awslogs-group", "awslogs-stream-prefix"} <= options.keys():
        raise ValueError(
            "LogConfiguration has to be awslogs, which needs awslogs-group and awslogs-stream-prefix on Fargate."
        )
    return str(options["awslogs-group"])
