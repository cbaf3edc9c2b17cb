"""AWS::ECS::TaskDefinition and Service."""

import secrets
from typing import Any

from local.cloudformation.resource_type import Properties, Resource, ResourceType, WaitingType
from local.ecs.service import DeploymentError, ServiceSettings
from local.ecs.services import Services
from local.ecs.task_definition import TaskDefinition as Definition
from local.emulator import container_services
from local.emulator.clients import client, region
from local.state import REGION

_ALL_AT_ONCE_PERCENT = 200


class TaskDefinition(ResourceType):
    """A revision of a family, for Fargate; Ref is its ARN. Every change makes the next revision."""

    name = "AWS::ECS::TaskDefinition"
    required = frozenset(
        {
            "ContainerDefinitions",
            "Cpu",
            "ExecutionRoleArn",
            "Family",
            "Memory",
            "NetworkMode",
            "RequiresCompatibilities",
            "RuntimePlatform",
        }
    )
    optional = frozenset({"TaskRoleArn", "Tags"})
    create_only = (required | optional) - {"Tags"}

    def __init__(self, services: Services) -> None:
        self._services = services

    def create(self, properties: Properties) -> Resource:
        """Register a revision."""
        definition = Definition.parse(properties)
        request = {name: value for name, value in properties.items() if name != "Tags"}
        arn = container_services.register_task_definition(_api_names(request))
        self._services.add_definition(arn, definition)
        return Resource(physical_id=arn, attributes={"TaskDefinitionArn": arn})

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Nothing but tags changes in place."""
        return Resource(physical_id=physical_id, attributes={"TaskDefinitionArn": physical_id})

    def delete(self, physical_id: str) -> None:
        """Deregister the revision; its tasks go on."""
        container_services.deregister_task_definition(physical_id)


class Service(WaitingType):
    """A service on Fargate behind a load balancer; Ref is its ARN. It is made, or changed, once it is steady.

    CloudFormation waits for three hours where no circuit breaker ends a deployment whose tasks fail; here every
    deployment ends after three of them.
    """

    name = "AWS::ECS::Service"
    required = frozenset(
        {"Cluster", "LaunchType", "LoadBalancers", "NetworkConfiguration", "TaskDefinition", "DeploymentConfiguration"}
    )
    optional = frozenset(
        {
            "AvailabilityZoneRebalancing",
            "DeploymentController",
            "DesiredCount",
            "EnableECSManagedTags",
            "EnableExecuteCommand",
            "HealthCheckGracePeriodSeconds",
            "PlatformVersion",
            "PropagateTags",
            "ServiceName",
            "Tags",
        }
    )
    create_only = frozenset({"Cluster", "DeploymentController", "LaunchType", "LoadBalancers", "ServiceName"})

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    async def make(self, properties: Properties) -> Resource:
        """Start the tasks; RuntimeError, as CloudFormation says it, when they fail."""
        name = properties.get("ServiceName", f"service-{secrets.token_hex(6)}")
        settings = _settings(properties, name=name, desired_count=1)
        try:
            arn = await self._services.create(settings, definition_arn=properties["TaskDefinition"])
        except DeploymentError as error:
            raise _failure(error) from error
        return _resource(arn)

    async def change(self, physical_id: str, properties: Properties) -> Resource:
        """Bring in another revision, or another number of tasks; without one it stays what autoscaling made it."""
        now = self._services.find(physical_id).settings
        settings = _settings(properties, name=now.name, desired_count=now.desired_count)
        try:
            await self._services.update(physical_id, settings, definition_arn=properties["TaskDefinition"])
        except DeploymentError as error:
            raise _failure(error) from error
        return _resource(physical_id)

    async def remove(self, physical_id: str) -> None:
        """End the tasks, connections first."""
        await self._services.remove(physical_id)


def _failure(error: DeploymentError) -> RuntimeError:
    return RuntimeError(
        "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was "
        f"triggered'.\" The last task: {error}"
    )


def _resource(arn: str) -> Resource:
    return Resource(physical_id=arn, attributes={"ServiceArn": arn, "Name": arn.rpartition("/")[2]})


def _settings(properties: Properties, *, name: str, desired_count: int) -> ServiceSettings:
    if region() != REGION:
        raise ValueError(f"AWS::ECS::Service: the embedded cloud has services in {REGION} only.")
    if (
        properties["LaunchType"] != "FARGATE"
        or properties.get("DeploymentController", {"Type": "ECS"})["Type"] != "ECS"
    ):
        raise ValueError("LaunchType has to be FARGATE and DeploymentController ECS in the embedded cloud.")
    if int(properties["DeploymentConfiguration"].get("MaximumPercent", 200)) < _ALL_AT_ONCE_PERCENT:
        raise ValueError("MaximumPercent has to be at least 200: the embedded cloud starts all new tasks at once.")
    if len(properties["LoadBalancers"]) != 1:
        raise ValueError("LoadBalancers: the embedded cloud's services have one target group each.")
    _check_network(properties["NetworkConfiguration"]["AwsvpcConfiguration"])
    (balancer,) = properties["LoadBalancers"]
    return ServiceSettings(
        name=name,
        cluster=container_services.cluster_arn(properties["Cluster"]).rpartition("/")[2],
        desired_count=int(properties.get("DesiredCount", desired_count)),
        container_name=balancer["ContainerName"],
        container_port=int(balancer["ContainerPort"]),
        group_arn=balancer["TargetGroupArn"],
        grace_seconds=float(properties.get("HealthCheckGracePeriodSeconds", 0)),
    )


def _check_network(network: Properties) -> None:
    ec2 = client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=network["Subnets"])["Subnets"]
    groups = ec2.describe_security_groups(GroupIds=network["SecurityGroups"])["SecurityGroups"]
    if len({each["VpcId"] for each in (*subnets, *groups)}) != 1:
        raise ValueError("NetworkConfiguration: the subnets and the security groups have to be of one VPC.")


def _api_names(value: Any) -> Any:
    """Spell a template's names as the API does; the options of a log driver stay as they are."""
    if isinstance(value, dict):
        return {
            name[0].lower() + name[1:]: inner if name == "Options" else _api_names(inner)
            for name, inner in value.items()
        }
    return [_api_names(each) for each in value] if isinstance(value, list) else value
