"""Daily inside the VPC: an interface endpoint to the service that Daily shares with the account."""

from typing import Final

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.components.agent_egress import DAILY_TURN, port_of
from stacks.parameters import DailyParameters

# PrivateLink carries UDP and TCP, but by the listeners of a load balancer, each of one port: media come through TURN.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html
SIGNALING: Final = "tcp:443"
TURN: Final = (DAILY_TURN, "tcp:3478")


class DailyEndpoint(Construct):
    """Under Daily's own names, by private DNS; open to `caller`, who gets the way out to it, and to nobody else."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        service_name: str,
        daily: DailyParameters,
        caller: ec2.ISecurityGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Daily, for the voice agent", allow_all_outbound=False
        )
        for ports in dict.fromkeys((SIGNALING, *(daily.media_ports or TURN))):
            caller.connections.allow_to(security_group, port_of(ports), f"Daily over {ports}")
        ec2.InterfaceVpcEndpoint(
            self,
            "Endpoint",
            vpc=vpc,
            subnets=subnets,
            service=ec2.InterfaceVpcEndpointService(service_name),
            private_dns_enabled=True,
            security_groups=[security_group],
            open=False,
        )
