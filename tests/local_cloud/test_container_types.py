"""What the embedded cloud refuses of a service of containers and of a load balancer, with the reason in the stack."""

import itertools
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cloud, push_image
from .container_templates import PULL, load_balancer, network, role, service
from .templates import Resource, get, ref, resource

Change = Callable[[dict[str, Any]], object]
names = (f"refused-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> str:
    return push_image(cloud, "refused", context=Path(__file__).parent / "service")


@pytest.fixture(scope="module")
def vpc(cloud: Cloud) -> Iterator[dict[str, str]]:
    """A network for all tests here, by the names of its template."""
    resources = network()
    own = ("Vpc", "Subnet0", "Subnet1", "Public", "Tasks")
    made = cloud.deploy("refused-network", resources, **{name: ref(name) for name in own})
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield {**made.outputs}
    assert cloud.destroy("refused-network").status == "DELETE_COMPLETE"


def placed(value: Any, vpc: dict[str, str]) -> Any:
    """Put the network's ids in the place of references to it."""
    if isinstance(value, list):
        return [placed(each, vpc) for each in value]
    if not isinstance(value, dict):
        return value
    name = value.get("Ref") or (value.get("Fn::GetAtt") or [""])[0]
    return vpc[name] if name in vpc else {key: placed(each, vpc) for key, each in value.items()}


def failure(cloud: Cloud, resources: dict[str, Resource], vpc: dict[str, str]) -> list[str]:
    for each in resources.values():
        if each.get("DependsOn") == "Attachment":
            del each["DependsOn"]
    stack = cloud.deploy(next(names), placed(resources, vpc))
    assert stack.status == "ROLLBACK_COMPLETE", stack
    return stack.reasons


def attribute(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value}


BALANCERS: dict[str, tuple[str, Change, str]] = {
    "one subnet": (
        "Balancer",
        lambda properties: properties.update(Subnets=[ref("Subnet0")]),
        "At least two subnets in two different Availability Zones",
    ),
    "unknown attribute": (
        "Balancer",
        lambda properties: properties.update(LoadBalancerAttributes=[attribute("waf.fail_open.enabled", "true")]),
        "waf.fail_open.enabled is not supported by the embedded cloud",
    ),
    "idle time-out": (
        "Balancer",
        lambda properties: properties.update(LoadBalancerAttributes=[attribute("idle_timeout.timeout_seconds", "0")]),
        "idle_timeout.timeout_seconds 0 has to be 1 to 4000",
    ),
    "plain HTTP": (
        "Listener",
        lambda properties: properties.update(Protocol="HTTP"),
        "Protocol 'HTTP': the embedded cloud's load balancers speak TLS only",
    ),
    "old TLS": (
        "Listener",
        lambda properties: properties.update(SslPolicy="ELBSecurityPolicy-2016-08"),
        "SslPolicy 'ELBSecurityPolicy-2016-08'",
    ),
    "certificate of another region": (
        "Listener",
        lambda properties: properties.update(
            Certificates=[{"CertificateArn": f"arn:aws:acm:eu-west-1:123456789012:certificate/{'0' * 36}"}]
        ),
        "one certificate of 123456789012 in us-east-1 has to be given",
    ),
    "health check slower than its interval": (
        "Targets",
        lambda properties: properties.update(HealthCheckTimeoutSeconds=5),
        "Health check timeout must be smaller than the interval",
    ),
    "sticky sessions": (
        "Targets",
        lambda properties: properties.update(TargetGroupAttributes=[attribute("stickiness.enabled", "true")]),
        "stickiness.enabled: the embedded cloud has no sticky sessions",
    ),
}


@pytest.mark.parametrize("case", BALANCERS)
def test_a_load_balancer_that_aws_or_this_cloud_has_not_is_refused(
    cloud: Cloud, vpc: dict[str, str], case: str
) -> None:
    logical_id, change, reason = BALANCERS[case]
    resources = load_balancer()
    change(resources[logical_id]["Properties"])

    assert any(reason in each for each in failure(cloud, resources, vpc))


def container(properties: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = properties["ContainerDefinitions"][0]
    return found


SERVICES: dict[str, tuple[str, Change, str]] = {
    "no such size": (
        "Definition",
        lambda properties: properties.update(Memory="4096"),
        "No Fargate configuration exists for given values: 256 CPU, 4096 memory",
    ),
    "x86": (
        "Definition",
        lambda properties: properties.update(
            RuntimePlatform={"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}
        ),
        "RuntimePlatform has to be",
    ),
    "too long to stop": (
        "Definition",
        lambda properties: container(properties).update(StopTimeout=121),
        "StopTimeout 121 has to be 2 to 120 s on Fargate",
    ),
    "unknown key of a container": (
        "Definition",
        lambda properties: container(properties).update(Privileged=True),
        "Privileged is not supported by the embedded cloud",
    ),
    "no log": (
        "Definition",
        lambda properties: container(properties).pop("LogConfiguration"),
        "LogConfiguration has to be awslogs",
    ),
    "no image": (
        "Definition",
        lambda properties: container(properties).update(Image=container(properties)["Image"] + "0"),
        "nothing of that name was pushed to it",
    ),
    "no such key of a secret": (
        "Definition",
        lambda properties: container(properties).update(
            Secrets=[{"Name": "A", "ValueFrom": {"Fn::Join": [":", [ref("Secret"), "missing::"]]}}]
        ),
        "the secret for the variable A has no such value",
    ),
    "a role that does not trust ECS": (
        "TaskRole",
        lambda properties: properties["AssumeRolePolicyDocument"]["Statement"][0].update(
            Principal={"Service": "lambda.amazonaws.com"}
        ),
        "does not let ecs-tasks.amazonaws.com assume it",
    ),
    "an execution role that may not log": (
        "ExecutionRole",
        lambda properties: properties.update(role(*PULL)["Properties"]),
        "not authorized to perform logs:CreateLogStream",
    ),
    "another container": (
        "Service",
        lambda properties: properties["LoadBalancers"][0].update(ContainerName="Other"),
        "The container Other does not exist in the task definition",
    ),
    "less than twice the tasks": (
        "Service",
        lambda properties: properties.update(DeploymentConfiguration={"MaximumPercent": 150}),
        "MaximumPercent has to be at least 200",
    ),
    "no such service to scale": (
        "Scaled",
        lambda properties: properties.update(ResourceId="service/cluster/other"),
        "Service not found",
    ),
    "two metrics": (
        "Scaling",
        lambda properties: properties["TargetTrackingScalingPolicyConfiguration"].update(
            PredefinedMetricSpecification={"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
        ),
        "one metric and a TargetValue above 0 are needed",
    ),
}


@pytest.mark.parametrize("case", SERVICES)
def test_a_service_that_aws_or_this_cloud_has_not_is_refused(
    cloud: Cloud, image: str, vpc: dict[str, str], case: str
) -> None:
    logical_id, change, reason = SERVICES[case]
    resources = load_balancer() | deepcopy(service(image))
    change(resources[logical_id]["Properties"])

    reasons = failure(cloud, resources, vpc)
    assert any(reason in each for each in reasons), reasons


def test_access_logs_need_a_bucket_that_lets_them_in(cloud: Cloud, vpc: dict[str, str]) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": {"Fn::Join": ["", [get("Logs", "Arn"), "/relay/AWSLogs/123456789012/*"]]},
    }
    bucket: dict[str, Any] = {"access_logs.s3.bucket": ref("Logs")}
    balancer = load_balancer(**{"access_logs.s3.enabled": "true", "access_logs.s3.prefix": "relay"}, **bucket)
    logs = {"Logs": resource("AWS::S3::Bucket")}
    refused = failure(cloud, balancer | logs, vpc)
    policy = resource("AWS::S3::BucketPolicy", Bucket=ref("Logs"), PolicyDocument={"Statement": [statement]})
    balancer["Balancer"]["DependsOn"] = "Policy"
    allowed = cloud.deploy("logs", placed(balancer | logs | {"Policy": policy}, vpc))

    assert any("Access Denied for bucket: " in reason for reason in refused)
    assert allowed.status == "CREATE_COMPLETE", allowed.reasons
    assert cloud.destroy("logs").status == "DELETE_COMPLETE"


def test_services_outside_of_stacks_are_refused(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")

    with pytest.raises(ecs.exceptions.ClientError, match="runs services of stacks only; it has no RunTask"):
        ecs.run_task(taskDefinition="server")
