"""AWS services inside the VPC: traffic to them does not pass the NAT gateway."""

from collections.abc import Collection, Iterator
from typing import Final

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.components.agent_egress import TRANSCRIBE_PORT

HTTPS: Final = ec2.Port.tcp(443)


class InterfaceEndpoints(Construct):
    """One interface endpoint a service, open to `caller` and to whom they `admit`.

    A `closed` caller has no other way out, and gets these.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        service_names: tuple[str, ...],
        caller: ec2.ISecurityGroup,
        closed: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="AWS services, for the voice agent", allow_all_outbound=False
        )
        for port, purpose in ports_of(service_names):
            self._security_group.add_ingress_rule(caller, port, f"{purpose} from the agent")
            if closed:
                caller.add_egress_rule(self._security_group, port, f"{purpose} to AWS services")
        for name in service_names:
            ec2.InterfaceVpcEndpoint(
                self,
                name,
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(name),
                security_groups=[self._security_group],
                open=False,
                private_dns_enabled=True,
                private_dns_only_for_inbound_resolver_endpoint=_resolvers(name),
            )

    def admit(self, caller: ec2.ISecurityGroup, purpose: str) -> None:
        """Let another in, by a rule in its own stack: theirs are the only way to these services in the VPC."""
        self._security_group.add_ingress_rule(caller, HTTPS, purpose, remote_rule=True)


def ports_of(service_names: Collection[str]) -> Iterator[tuple[ec2.Port, str]]:
    """Where endpoints of the services are asked, and how."""
    yield HTTPS, "HTTPS"
    if "transcribestreaming" in service_names:
        yield ec2.Port.tcp(TRANSCRIBE_PORT), "Streams of Amazon Transcribe"


def _resolvers(service_name: str) -> ec2.VpcEndpointPrivateDnsOnlyForInboundResolverEndpoint | None:
    """S3 has a gateway endpoint as well, which keeps the VPC's own traffic unless all resolvers name this one.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html#private-dns
    """
    return ec2.VpcEndpointPrivateDnsOnlyForInboundResolverEndpoint.ALL_RESOLVERS if service_name == "s3" else None
