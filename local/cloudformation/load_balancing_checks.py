"""What AWS refuses in a load balancer's definition, or this cloud doesn't have: both are told by name."""

import re
from typing import Any, Final

from local.cloudformation.resource_type import Properties
from local.emulator.bucket_access import may_put
from local.emulator.clients import client, region
from local.load_balancing.target_group import TargetGroupSettings
from local.state import ACCOUNT_ID

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
LOG_DELIVERY: Final = "logdelivery.elasticloadbalancing.amazonaws.com"
LOG_ACCOUNTS: Final = {"us-east-1": "127311923021"}
_IDLE_SECONDS = range(1, 4001)
_DELAY_SECONDS = range(3601)
_CERTIFICATE = re.compile(r"arn:aws:acm:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):certificate/[0-9a-f-]{36}")
_TLS_POLICY = re.compile(r"ELBSecurityPolicy-TLS13-1-[23][\w-]*-20\d\d-\d\d")
_LOG_KEYS = ("access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix")
BALANCER_KEYS = {
    *_LOG_KEYS,
    "deletion_protection.enabled",
    "idle_timeout.timeout_seconds",
    "routing.http.drop_invalid_header_fields.enabled",
    "routing.http.desync_mitigation_mode",
    "client_keep_alive.seconds",
}
GROUP_KEYS = {
    "deregistration_delay.timeout_seconds",
    "stickiness.enabled",
    "load_balancing.algorithm.type",
}


def checked_attributes(properties: Properties, name: str, known: set[str]) -> dict[str, str]:
    """Return attributes by their keys; ValueError for one that this cloud would silently ignore."""
    attributes = {str(each["Key"]): str(each["Value"]) for each in properties.get(name, [])}
    if unknown := sorted(attributes.keys() - known):
        raise ValueError(f"{name}: {', '.join(unknown)} is not supported by the embedded cloud.")
    return attributes


def idle_seconds(attributes: dict[str, str]) -> int:
    """Return the idle time-out in seconds; ValueError out of AWS's bounds."""
    seconds = int(attributes.get("idle_timeout.timeout_seconds", "60"))
    if seconds not in _IDLE_SECONDS:
        raise ValueError(f"idle_timeout.timeout_seconds {seconds} has to be 1 to 4000.")
    return seconds


def check_network(properties: Properties) -> None:
    """Raise ValueError for a network in which AWS makes no such load balancer."""
    if properties.get("Type", "application") != "application" or properties.get("IpAddressType", "ipv4") != "ipv4":
        raise ValueError("The embedded cloud has application load balancers for IPv4 only.")
    ec2 = client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=properties["Subnets"])["Subnets"]
    groups = ec2.describe_security_groups(GroupIds=properties["SecurityGroups"])["SecurityGroups"]
    networks = {each["VpcId"] for each in (*subnets, *groups)}
    if len({subnet["AvailabilityZoneId"] for subnet in subnets}) < 2:
        raise ValueError("At least two subnets in two different Availability Zones must be specified.")
    if len(networks) != 1:
        raise ValueError(f"The subnets and the security groups have to be of one VPC, they are of {sorted(networks)}.")
    attached = [{"Name": "attachment.vpc-id", "Values": list(networks)}]
    is_public = properties.get("Scheme", "internet-facing") == "internet-facing"
    if is_public and not ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
        raise ValueError(f"VPC {networks.pop()} has no internet gateway (depend on its attachment).")


def check_logs(attributes: dict[str, str]) -> None:
    """Raise ValueError for a bucket that doesn't let the service write access logs, which AWS tries at once."""
    enabled, bucket, prefix = (attributes.get(key, "") for key in _LOG_KEYS)
    if enabled != "true":
        return
    key = "/".join(filter(None, [prefix, "AWSLogs", ACCOUNT_ID, "ELBAccessLogTestFile"]))
    if not may_put(bucket, key, service=LOG_DELIVERY, account_id=LOG_ACCOUNTS.get(region())):
        raise ValueError(f"Access Denied for bucket: {bucket}. Please check S3bucket permission")


def group_settings(properties: Properties) -> TargetGroupSettings:
    """Return how targets are checked and let go; ValueError for what AWS refuses or this cloud doesn't have."""
    fixed = {"Protocol": "HTTP", "TargetType": "ip", "ProtocolVersion": "HTTP1", "HealthCheckProtocol": "HTTP"}
    fixed |= {"HealthCheckPort": "traffic-port"}
    for name, value in fixed.items():
        if properties.get(name, value) != value:
            raise ValueError(f"{name} {properties[name]!r}: the embedded cloud has {value} only.")
    attributes = checked_attributes(properties, "TargetGroupAttributes", GROUP_KEYS)
    if attributes.get("stickiness.enabled", "false") != "false":
        raise ValueError("stickiness.enabled: the embedded cloud has no sticky sessions.")
    delay = int(attributes.get("deregistration_delay.timeout_seconds", "300"))
    if delay not in _DELAY_SECONDS:
        raise ValueError(f"deregistration_delay.timeout_seconds {delay} has to be 0 to 3600.")
    settings = TargetGroupSettings(
        path=properties.get("HealthCheckPath", "/"),
        matcher=str(properties.get("Matcher", {}).get("HttpCode", "200")),
        interval=_number(properties, "HealthCheckIntervalSeconds", 30, range(5, 301)),
        timeout=_number(properties, "HealthCheckTimeoutSeconds", 5, range(2, 121)),
        healthy_threshold=_number(properties, "HealthyThresholdCount", 5, range(2, 11)),
        unhealthy_threshold=_number(properties, "UnhealthyThresholdCount", 2, range(2, 11)),
        deregistration_delay=delay,
    )
    if settings.timeout >= settings.interval:
        raise ValueError("Health check timeout must be smaller than the interval")
    return settings


def _number(properties: Properties, name: str, default: int, allowed: range) -> int:
    number = int(properties.get(name, default))
    if number not in allowed:
        raise ValueError(f"{name} {number} has to be {allowed.start} to {allowed.stop - 1}.")
    return number


def check_listener(properties: Properties) -> str:
    """Return the ARN of the target group; ValueError for a listener that this cloud, or AWS, doesn't make."""
    if properties["Protocol"] != "HTTPS":
        raise ValueError(f"Protocol {properties['Protocol']!r}: the embedded cloud's load balancers speak TLS only.")
    if not _TLS_POLICY.fullmatch(properties["SslPolicy"]):
        raise ValueError(
            f"SslPolicy {properties['SslPolicy']!r} has to be one with TLS 1.3 (ELBSecurityPolicy-TLS13-…)."
        )
    arns = [each.get("CertificateArn", "") for each in properties["Certificates"]]
    found = _CERTIFICATE.fullmatch(arns[0]) if len(arns) == 1 else None
    if not found or (found["region"], found["account"]) != (region(), ACCOUNT_ID):
        raise ValueError(f"Certificates {arns}: one certificate of {ACCOUNT_ID} in {region()} has to be given.")
    actions: list[dict[str, Any]] = properties["DefaultActions"]
    group_arns = [each.get("TargetGroupArn") for each in actions if each.get("Type") == "forward"]
    if len(actions) != 1 or len(group_arns) != 1 or not isinstance(group_arns[0], str):
        raise ValueError("DefaultActions: the embedded cloud forwards to one target group, by TargetGroupArn.")
    return group_arns[0]
