"""AWS::ElasticLoadBalancingV2::LoadBalancer, TargetGroup and Listener, as far as load_balancing has them."""

import secrets

from local.cloudformation.load_balancing_checks import (
    BALANCER_KEYS,
    check_listener,
    check_logs,
    check_network,
    checked_attributes,
    group_settings,
    idle_seconds,
)
from local.cloudformation.resource_type import Properties, Resource, WaitingType
from local.emulator.clients import client
from local.emulator.load_balancers import rename
from local.load_balancing.load_balancers import LoadBalancers


class LoadBalancer(WaitingType):
    """An application load balancer for IPv4; Ref is its ARN, and its DNS name holds a port."""

    name = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    required = frozenset({"Subnets", "SecurityGroups"})
    optional = frozenset({"Name", "Type", "Scheme", "IpAddressType", "LoadBalancerAttributes", "Tags"})
    create_only = frozenset({"Name", "Type", "Scheme"})

    def __init__(self, balancers: LoadBalancers) -> None:
        super().__init__()
        self._balancers = balancers

    async def make(self, properties: Properties) -> Resource:
        """Make the load balancer and take its port."""
        attributes = checked_attributes(properties, "LoadBalancerAttributes", BALANCER_KEYS)
        check_network(properties)
        check_logs(attributes)
        name = properties.get("Name", f"balancer-{secrets.token_hex(6)}")
        made = client("elbv2").create_load_balancer(
            Name=name,
            Subnets=properties["Subnets"],
            SecurityGroups=properties["SecurityGroups"],
            Scheme=properties.get("Scheme", "internet-facing"),
        )["LoadBalancers"][0]
        arn = made["LoadBalancerArn"]
        self._balancers.add(arn, name=name, idle_seconds=idle_seconds(attributes))
        return self._resource(arn, name, attributes)

    async def change(self, physical_id: str, properties: Properties) -> Resource:
        """Change the attributes."""
        attributes = checked_attributes(properties, "LoadBalancerAttributes", BALANCER_KEYS)
        check_network(properties)
        check_logs(attributes)
        self._balancers.configure(physical_id, idle_seconds=idle_seconds(attributes))
        return self._resource(physical_id, physical_id.split("/")[2], attributes)

    async def remove(self, physical_id: str) -> None:
        """Delete the load balancer; ValueError, as AWS refuses it, while it is protected."""
        elbv2 = client("elbv2")
        try:
            kept = elbv2.describe_load_balancer_attributes(LoadBalancerArn=physical_id)["Attributes"]
        except elbv2.exceptions.LoadBalancerNotFoundException:
            return
        if {"Key": "deletion_protection.enabled", "Value": "true"} in kept:
            raise ValueError(f"Load balancer '{physical_id}' cannot be deleted because deletion protection is enabled")
        await self._balancers.remove(physical_id)
        elbv2.delete_load_balancer(LoadBalancerArn=physical_id)

    def _resource(self, arn: str, name: str, attributes: dict[str, str]) -> Resource:
        dns_name = self._balancers.dns_name(arn, name=name)
        rename(arn, dns_name=dns_name)
        given = [{"Key": key, "Value": value} for key, value in attributes.items()]
        if given:
            client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=given)
        return Resource(
            physical_id=arn,
            attributes={
                "LoadBalancerArn": arn,
                "LoadBalancerName": name,
                "LoadBalancerFullName": arn.partition("loadbalancer/")[2],
                "DNSName": dns_name,
                "CanonicalHostedZoneID": "Z35SXDOTRQ7X7K",
            },
        )


class TargetGroup(WaitingType):
    """Targets by IP address that speak HTTP/1.1; Ref is the ARN."""

    name = "AWS::ElasticLoadBalancingV2::TargetGroup"
    required = frozenset({"Port", "Protocol", "TargetType", "VpcId"})
    optional = frozenset(
        {
            "HealthCheckEnabled",
            "HealthCheckIntervalSeconds",
            "HealthCheckPath",
            "HealthCheckPort",
            "HealthCheckProtocol",
            "HealthCheckTimeoutSeconds",
            "HealthyThresholdCount",
            "Matcher",
            "Name",
            "ProtocolVersion",
            "Tags",
            "TargetGroupAttributes",
            "UnhealthyThresholdCount",
        }
    )
    create_only = frozenset({"Name", "Port", "Protocol", "ProtocolVersion", "TargetType", "VpcId"})

    def __init__(self, balancers: LoadBalancers) -> None:
        super().__init__()
        self._balancers = balancers

    async def make(self, properties: Properties) -> Resource:
        """Make the target group."""
        settings = group_settings(properties)
        made = client("elbv2").create_target_group(
            Name=properties.get("Name", f"targets-{secrets.token_hex(6)}"),
            Protocol="HTTP",
            Port=int(properties["Port"]),
            VpcId=properties["VpcId"],
            TargetType="ip",
        )["TargetGroups"][0]
        self._balancers.add_group(made["TargetGroupArn"], settings)
        return _group_resource(made["TargetGroupArn"])

    async def change(self, physical_id: str, properties: Properties) -> Resource:
        """Change how targets are checked and let go."""
        self._balancers.group(physical_id).settings = group_settings(properties)
        return _group_resource(physical_id)

    async def remove(self, physical_id: str) -> None:
        """Delete the target group."""
        await self._balancers.remove_group(physical_id)
        client("elbv2").delete_target_group(TargetGroupArn=physical_id)


class Listener(WaitingType):
    """The one HTTPS listener of a load balancer, which forwards all to one target group; Ref is the ARN."""

    name = "AWS::ElasticLoadBalancingV2::Listener"
    required = frozenset({"LoadBalancerArn", "DefaultActions", "Port", "Protocol", "Certificates", "SslPolicy"})
    optional = frozenset({"Tags"})
    create_only = frozenset({"LoadBalancerArn"})

    def __init__(self, balancers: LoadBalancers) -> None:
        super().__init__()
        self._balancers = balancers

    async def make(self, properties: Properties) -> Resource:
        """Begin to listen."""
        group_arn = check_listener(properties)
        arn = properties["LoadBalancerArn"]
        elbv2 = client("elbv2")
        if elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
            raise ValueError("The embedded cloud has one listener a load balancer.")
        await self._balancers.listen(arn, group_arn=group_arn)
        made = elbv2.create_listener(
            LoadBalancerArn=arn,
            Protocol="HTTPS",
            Port=int(properties["Port"]),
            Certificates=properties["Certificates"],
            SslPolicy=properties["SslPolicy"],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group_arn}],
        )["Listeners"][0]
        return _listener_resource(made["ListenerArn"])

    async def change(self, physical_id: str, properties: Properties) -> Resource:
        """Forward to another target group."""
        await self._balancers.listen(properties["LoadBalancerArn"], group_arn=check_listener(properties))
        return _listener_resource(physical_id)

    async def remove(self, physical_id: str) -> None:
        """End the listener and its connections."""
        balancer, _, _ = physical_id.replace(":listener/", ":loadbalancer/").rpartition("/")
        await self._balancers.close_listener(balancer)
        client("elbv2").delete_listener(ListenerArn=physical_id)


def _group_resource(arn: str) -> Resource:
    full_name = arn.rpartition(":")[2]
    name = full_name.split("/")[1]
    return Resource(
        physical_id=arn,
        attributes={"TargetGroupArn": arn, "TargetGroupFullName": full_name, "TargetGroupName": name},
    )


def _listener_resource(arn: str) -> Resource:
    return Resource(physical_id=arn, attributes={"ListenerArn": arn})
