"""AWS services inside the VPC: traffic to them does not pass the NAT gateway."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct


class InterfaceEndpoints(Construct):
    """One interface endpoint a service, open to `caller` and to whom they `admit`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        service_names: tuple[str, ...],
        caller: ec2.ISecurityGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self._security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="AWS services, for the voice agent", allow_all_outbound=False
        )
        self._security_group.add_ingress_rule(caller, ec2.Port.tcp(443), "HTTPS from the agent")
        for name in service_names:
            ec2.InterfaceVpcEndpoint(
                self,
                name,
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(name),
                security_groups=[self._security_group],
                open=False,
            )

    def admit(self, caller: ec2.ISecurityGroup, purpose: str) -> None:
        """Let another in, by a rule in its own stack: theirs are the only way to these services in the VPC."""
        self._security_group.add_ingress_rule(caller, ec2.Port.tcp(443), purpose, remote_rule=True)
