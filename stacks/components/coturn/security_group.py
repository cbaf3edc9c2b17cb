"""The ports of a TURN server, and no other."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.coturn.configuration import LISTENING_PORT, RELAY_PORTS, TLS_PORT


class CoturnSecurityGroup(ec2.SecurityGroup):
    """Open to everybody: callers are anywhere, and so are the peers whose packets come to a relayed address."""

    def __init__(self, scope: Construct, construct_id: str, *, vpc: ec2.IVpc) -> None:
        super().__init__(
            scope, construct_id, vpc=vpc, description="coturn: TURN and its relay ports", allow_all_outbound=False
        )
        anywhere = ec2.Peer.any_ipv4()
        self.add_ingress_rule(anywhere, ec2.Port.udp(LISTENING_PORT), "TURN over UDP")
        self.add_ingress_rule(anywhere, ec2.Port.tcp(LISTENING_PORT), "TURN over TCP")
        self.add_ingress_rule(anywhere, ec2.Port.tcp(TLS_PORT), "TURN over TLS")
        self.add_ingress_rule(anywhere, ec2.Port.udp_range(*RELAY_PORTS), "Relayed addresses: packets of the peers")
        # Peers send from ports that a NAT gave them; lower ones are other people's services, such as DNS.
        self.add_egress_rule(anywhere, ec2.Port.udp_range(1024, 65535), "Relayed packets to the peers")
        self.add_egress_rule(anywhere, ec2.Port.tcp(443), "AWS APIs, the CloudWatch agent and Debian's packages")
        self.add_egress_rule(anywhere, ec2.Port.tcp(80), "Debian's packages, which are signed")
        acknowledge(self, {"AwsSolutions-EC23": "A TURN server serves callers from anywhere; it asks for credentials"})
