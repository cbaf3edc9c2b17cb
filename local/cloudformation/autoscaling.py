"""AWS::ApplicationAutoScaling::ScalableTarget and ScalingPolicy: checked and kept, while nothing is ever scaled."""

import re

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.ecs.services import Services
from local.emulator.clients import region
from local.state import ACCOUNT_ID

_DIMENSION = "ecs:service:DesiredCount"
_RESOURCE_ID = re.compile(r"service/[\w-]+/(?P<service>[\w-]+)")
_TRACKING_KEYS = frozenset(
    {
        "CustomizedMetricSpecification",
        "DisableScaleIn",
        "PredefinedMetricSpecification",
        "ScaleInCooldown",
        "ScaleOutCooldown",
        "TargetValue",
    }
)


class ScalableTarget(ResourceType):
    """The number of a service's tasks, which stays what the service says; Ref is an id of three parts."""

    name = "AWS::ApplicationAutoScaling::ScalableTarget"
    required = frozenset({"MaxCapacity", "MinCapacity", "ResourceId", "ScalableDimension", "ServiceNamespace"})
    optional = frozenset({"RoleARN", "Tags"})
    create_only = frozenset({"ResourceId", "ScalableDimension", "ServiceNamespace"})

    def __init__(self, services: Services) -> None:
        self._services = services

    def create(self, properties: Properties) -> Resource:
        """Check the target."""
        self._check(properties)
        parts = (properties["ResourceId"], _DIMENSION, "ecs")
        return Resource(physical_id="|".join(parts), attributes={"Id": "|".join(parts)})

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Check the target."""
        self._check(properties)
        return Resource(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, physical_id: str) -> None:
        """Nothing is there to be removed."""

    def _check(self, properties: Properties) -> None:
        if (properties["ServiceNamespace"], properties["ScalableDimension"]) != ("ecs", _DIMENSION):
            raise ValueError(
                f"ServiceNamespace has to be ecs and ScalableDimension {_DIMENSION} in the embedded cloud."
            )
        resource_id = _RESOURCE_ID.fullmatch(properties["ResourceId"])
        if not resource_id:
            raise ValueError(f"ResourceId {properties['ResourceId']!r} has to be service/CLUSTER/SERVICE.")
        self._services.find(resource_id["service"])
        least, most = int(properties["MinCapacity"]), int(properties["MaxCapacity"])
        if not 0 <= least <= most:
            raise ValueError(f"MinCapacity {least} has to be 0 to MaxCapacity, which is {most}.")


class ScalingPolicy(ResourceType):
    """A policy that tracks a target; Ref is its ARN."""

    name = "AWS::ApplicationAutoScaling::ScalingPolicy"
    required = frozenset({"PolicyName", "PolicyType", "ScalingTargetId", "TargetTrackingScalingPolicyConfiguration"})
    create_only = frozenset({"PolicyName", "ScalingTargetId"})

    def create(self, properties: Properties) -> Resource:
        """Check the policy."""
        _check_policy(properties)
        resource_id, _, _ = properties["ScalingTargetId"].split("|")
        arn = (
            f"arn:aws:autoscaling:{region()}:{ACCOUNT_ID}:scalingPolicy:embedded:resource/ecs/{resource_id}:"
            f"policyName/{properties['PolicyName']}"
        )
        return Resource(physical_id=arn, attributes={"Arn": arn})

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Check the policy."""
        _check_policy(properties)
        return Resource(physical_id=physical_id, attributes={"Arn": physical_id})

    def delete(self, physical_id: str) -> None:
        """Nothing is there to be removed."""


def _check_policy(properties: Properties) -> None:
    if properties["PolicyType"] != "TargetTrackingScaling":
        raise ValueError(
            f"PolicyType {properties['PolicyType']!r}: the embedded cloud knows TargetTrackingScaling only."
        )
    tracking = properties["TargetTrackingScalingPolicyConfiguration"]
    if unknown := sorted(tracking.keys() - _TRACKING_KEYS):
        raise ValueError(f"TargetTrackingScalingPolicyConfiguration: {', '.join(unknown)} is not known.")
    metrics = tracking.keys() & {"CustomizedMetricSpecification", "PredefinedMetricSpecification"}
    if len(metrics) != 1 or float(tracking["TargetValue"]) <= 0:
        raise ValueError("TargetTrackingScalingPolicyConfiguration: one metric and a TargetValue above 0 are needed.")
