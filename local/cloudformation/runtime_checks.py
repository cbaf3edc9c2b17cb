"""What AgentCore refuses in a runtime's definition, beyond its shape, so that this cloud refuses it too.

https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-troubleshooting.html and the pages named below.
"""

import re

from local.cloudformation.resource_type import Properties
from local.cloudformation.zones import is_accepted
from local.emulator import identity
from local.emulator.clients import client, region
from local.state import ACCOUNT_ID

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,47}")
_VARIABLE_NAME = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_IMAGE_URI = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?P<repository>[^:@]+)[:@](?P<id>.+)")
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-v2-optimize.html
_VARIABLES_BYTES = {"V1": 4096, "V2": 2560}
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-lifecycle-settings.html
_LIFECYCLE_SECONDS = range(60, 28_801)
_PULL_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def check_values(properties: Properties) -> None:
    """Raise ValueError for a name, a protocol, variables or time-outs that the service refuses."""
    name = properties["AgentRuntimeName"]
    if not NAME.fullmatch(name):
        raise ValueError(f"AgentRuntimeName {name!r} has to match {NAME.pattern}.")
    protocol = properties.get("ProtocolConfiguration", "HTTP")
    if protocol != "HTTP":
        raise ValueError(f"ProtocolConfiguration {protocol!r}: the embedded cloud serves HTTP only.")
    _check_variables(properties.get("EnvironmentVariables", {}), properties.get("PlatformVersion", "V1"))
    idle, longest = lifecycle(properties)
    if idle not in _LIFECYCLE_SECONDS or longest not in _LIFECYCLE_SECONDS or idle > longest:
        raise ValueError(
            f"LifecycleConfiguration: IdleRuntimeSessionTimeout {idle} and MaxLifetime {longest} have to be 60 to "
            "28800 s, the first no longer than the second."
        )


def lifecycle(properties: Properties) -> tuple[int, int]:
    """Return the idle time-out and the longest life of a session in seconds, with the service's defaults."""
    configuration = properties.get("LifecycleConfiguration", {})
    return int(configuration.get("IdleRuntimeSessionTimeout", 900)), int(configuration.get("MaxLifetime", 28_800))


def _check_variables(variables: Properties, platform: str) -> None:
    if platform not in _VARIABLES_BYTES:
        raise ValueError(f"PlatformVersion {platform!r} has to be one of {', '.join(_VARIABLES_BYTES)}.")
    for name, value in variables.items():
        if not _VARIABLE_NAME.fullmatch(name) or len(name) > 100 or len(value) > 2048:
            raise ValueError(f"EnvironmentVariables {name}: the name is not valid, or the value is over 2048 long.")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if len(variables) > 50 or size > _VARIABLES_BYTES[platform]:
        raise ValueError(
            f"EnvironmentVariables: {len(variables)} variables of {size} bytes; platform {platform} takes 50 of "
            f"{_VARIABLES_BYTES[platform]} bytes together."
        )


def check_network(properties: Properties) -> None:
    """Raise ValueError for a network that AgentCore can't put a runtime in.

    https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-vpc.html
    """
    network = properties["NetworkConfiguration"]
    if network["NetworkMode"] == "PUBLIC":
        return
    if network["NetworkMode"] != "VPC":
        raise ValueError(f"NetworkMode {network['NetworkMode']!r} has to be PUBLIC or VPC.")
    subnet_ids, group_ids = network["NetworkModeConfig"]["Subnets"], network["NetworkModeConfig"]["SecurityGroups"]
    if not 1 <= len(subnet_ids) <= 16 or not 1 <= len(group_ids) <= 16:
        raise ValueError(f"NetworkModeConfig: {len(subnet_ids)} subnets, {len(group_ids)} groups; 1 to 16 of each go.")
    subnets = client("ec2").describe_subnets(SubnetIds=subnet_ids)["Subnets"]
    groups = client("ec2").describe_security_groups(GroupIds=group_ids)["SecurityGroups"]
    if len({item["VpcId"] for item in (*subnets, *groups)}) != 1:
        raise ValueError("NetworkModeConfig: the subnets and the security groups have to be of one VPC.")
    for subnet in subnets:
        zone_id = subnet["AvailabilityZoneId"]
        if not is_accepted(zone_id, region=region()):
            raise ValueError(
                f"Subnet {subnet['SubnetId']} is in {zone_id}, an availability zone that AgentCore doesn't support."
            )


def check_role_and_image(properties: Properties) -> None:
    """Raise when the service can't take on the execution role, or with it can't read the image."""
    artifact = properties["AgentRuntimeArtifact"]
    if artifact.keys() != {"ContainerConfiguration"}:
        raise ValueError(f"AgentRuntimeArtifact {', '.join(artifact)}: the embedded cloud runs container images only.")
    uri = artifact["ContainerConfiguration"]["ContainerUri"]
    parts = _IMAGE_URI.fullmatch(uri)
    if not parts:
        raise ValueError(f"ContainerUri {uri!r} is not an image in a private ECR repository.")
    runtime_arn = f"arn:aws:bedrock-agentcore:{region()}:{ACCOUNT_ID}:runtime/{properties['AgentRuntimeName']}-pending"
    session = identity.service_session(
        properties["RoleArn"], session_name="validation", source_arn=runtime_arn, region=region()
    )
    repository_arn = f"arn:aws:ecr:{region()}:{ACCOUNT_ID}:repository/{parts['repository']}"
    needed = {"ecr:GetAuthorizationToken": "*"} | dict.fromkeys(_PULL_ACTIONS, repository_arn)
    for action, resource_arn in needed.items():
        if not identity.is_allowed(
            session.access_key_id, account_id=ACCOUNT_ID, region=region(), action=action, resource_arn=resource_arn
        ):
            raise PermissionError(f"Access denied while validating {uri}: the role lacks {action} on {resource_arn}.")
    image_id = {"imageDigest" if parts["id"].startswith("sha256:") else "imageTag": parts["id"]}
    client("ecr").describe_images(repositoryName=parts["repository"], imageIds=[image_id])
