"""A VPC for the agent: private subnets in the zones that AgentCore accepts, and the way out through NAT gateways."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import LogGroup
from stacks.parameters import NetworkParameters, OperationsParameters


class AgentVpc(Construct):
    """Needs a stack whose `availability_zones` are zone ids: unlike names, they mean the same in every account."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: NetworkParameters,
        relay: bool,
        operations: OperationsParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        services = ec2.GatewayVpcEndpointAwsService
        # Without NAT charges: ECR keeps image layers in S3, and the relay marks each of its streams in DynamoDB.
        gateways = {"S3": services.S3, **({"DynamoDb": services.DYNAMODB} if relay else {})}
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            max_azs=network.availability_zone_count,
            nat_gateways=1 if network.nat_gateways == "one" else network.availability_zone_count,
            restrict_default_security_group=True,
            subnet_configuration=_subnets_of_each_zone(network),
            gateway_endpoints={
                name: ec2.GatewayVpcEndpointOptions(service=service) for name, service in gateways.items()
            },
        )
        self._place_subnets_by_zone_id()
        self._log_default_security_group_handler(operations)
        if network.flow_logs:
            self._record_flows(operations)
        else:
            acknowledge(self.vpc, {"AwsSolutions-VPC7": "network.flow_logs leaves them out, to save their cost"})

    def _place_subnets_by_zone_id(self) -> None:
        for subnet in (*self.vpc.public_subnets, *self.vpc.private_subnets):
            resource = cast(ec2.CfnSubnet, subnet.node.default_child)
            resource.availability_zone_id = subnet.availability_zone
            resource.availability_zone = None

    def _record_flows(self, operations: OperationsParameters) -> None:
        log_group = LogGroup(self, "FlowLogGroup", operations=operations)
        self.vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group))

    def _log_default_security_group_handler(self, operations: OperationsParameters) -> None:
        """The function that empties the default security group would otherwise log to a group that never expires."""
        provider = cdk.Stack.of(self).node.find_child("Custom::VpcRestrictDefaultSGCustomResourceProvider")
        handler = cast(cdk.CfnResource, provider.node.find_child("Handler"))
        log_group = LogGroup(self, "DefaultSecurityGroupHandlerLogGroup", operations=operations)
        handler.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)


def _subnets_of_each_zone(network: NetworkParameters) -> list[ec2.SubnetConfiguration]:
    return [
        ec2.SubnetConfiguration(
            name="Public",
            subnet_type=ec2.SubnetType.PUBLIC,
            cidr_mask=network.public_subnet_prefix_length,
            map_public_ip_on_launch=False,
        ),
        ec2.SubnetConfiguration(
            name="Private",
            subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
            cidr_mask=network.private_subnet_prefix_length,
        ),
    ]
