"""The network stack: where the agent's network interfaces live, and what they may reach."""

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.aws_services import services_of_agent
from stacks.components.agent_egress import agent_egress
from stacks.components.agent_vpc import AgentVpc
from stacks.components.daily_endpoint import DailyEndpoint
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.interface_endpoints import InterfaceEndpoints, ports_of
from stacks.parameters import NetworkParameters, Parameters
from stacks.regions import AVAILABILITY_ZONE_IDS


@dataclass(frozen=True, kw_only=True)
class AgentNetwork:
    """What the stacks need to know of the network: `subnets` are private, `endpoints` there where AWS services are."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    public_subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup
    endpoints: InterfaceEndpoints | None


class NetworkStack(DeploymentStack):
    """A VPC of its own or an existing one, and the agent's security group in it."""

    def __init__(self, scope: Construct, *, parameters: Parameters) -> None:
        super().__init__(scope, "network", parameters=parameters, description="Network that the voice agent runs in")
        vpc, private, public = self._vpc(parameters)
        security_group = self._security_group(vpc, parameters)
        endpoints = None
        if service_names := parameters.network.interface_endpoints:
            endpoints = InterfaceEndpoints(
                self,
                "InterfaceEndpoints",
                vpc=vpc,
                service_names=service_names,
                caller=security_group,
                closed=parameters.is_closed,
            )
        if parameters.is_closed and (service_name := parameters.daily.privatelink_service_name):
            DailyEndpoint(
                self,
                "DailyEndpoint",
                vpc=vpc,
                subnets=private,
                service_name=service_name,
                daily=parameters.daily,
                caller=security_group,
            )
        self.agent_network = AgentNetwork(
            vpc=vpc, subnets=private, public_subnets=public, security_group=security_group, endpoints=endpoints
        )
        self.add_output("VpcId", value=vpc.vpc_id, description="VPC that the agent runs in")
        self.add_output(
            "AgentSecurityGroupId",
            value=security_group.security_group_id,
            description="Security group of the agent, for what has to let it in",
        )

    @property
    def availability_zones(self) -> list[str]:
        """Ids of the zones that AgentCore accepts, in place of the zone names that CDK would look up at synth."""
        return list(AVAILABILITY_ZONE_IDS[self.region])

    def _vpc(self, parameters: Parameters) -> tuple[ec2.IVpc, ec2.SubnetSelection, ec2.SubnetSelection]:
        """The VPC with its private and its public subnets."""
        match parameters.network:
            case NetworkParameters(vpc_id=str(vpc_id), private_subnet_ids=private, public_subnet_ids=public):
                zone_ids = self.availability_zones
                existing = ec2.Vpc.from_vpc_attributes(self, "Vpc", vpc_id=vpc_id, availability_zones=zone_ids)
                return existing, self._subnets(private), self._subnets(public)
            case network:
                relay = "twilio" in parameters.telephony.carriers
                created = AgentVpc(self, "AgentVpc", network=network, relay=relay, operations=parameters.operations)
                private_type, public_type = ec2.SubnetType.PRIVATE_WITH_EGRESS, ec2.SubnetType.PUBLIC
                return (
                    created.vpc,
                    ec2.SubnetSelection(subnet_type=private_type),
                    ec2.SubnetSelection(subnet_type=public_type),
                )

    def _subnets(self, ids: tuple[str, ...]) -> ec2.SubnetSelection:
        subnets = [ec2.Subnet.from_subnet_id(self, subnet_id, subnet_id) for subnet_id in ids]
        return ec2.SubnetSelection(subnets=subnets)

    def _security_group(self, vpc: ec2.IVpc, parameters: Parameters) -> ec2.SecurityGroup:
        """Nothing connects to the agent: callers reach it through AgentCore or a relay."""
        security_group = ec2.SecurityGroup(
            self, "AgentSecurityGroup", vpc=vpc, description="The voice agent: no way in", allow_all_outbound=False
        )
        for way in agent_egress(parameters):
            security_group.add_egress_rule(ec2.Peer.ipv4(way.cidr), way.port, way.purpose)
        for group_id in parameters.network.endpoint_security_group_ids:
            endpoints = ec2.SecurityGroup.from_security_group_id(self, group_id, group_id, mutable=False)
            for port, purpose in ports_of(services_of_agent(parameters)):
                security_group.add_egress_rule(endpoints, port, f"{purpose} to AWS services")
        return security_group
