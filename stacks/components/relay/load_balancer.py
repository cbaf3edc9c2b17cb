"""The relay's public end: TLS for its name, from anywhere, to the containers."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.parameters import OperationsParameters

HTTPS_PORT: Final = 443
# A stream sends 50 frames a second; what is silent for this long is dead.
IDLE_TIMEOUT: Final = cdk.Duration.seconds(120)


class RelayLoadBalancer(Construct):
    """HTTPS only, for TLS 1.2 and 1.3. A task that is to go keeps its streams for `longest_stream`, an hour at most.

    ECS stops it after that, also where it had none: Elastic Load Balancing calls a target draining until then.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        certificate_arn: str,
        port: int,
        longest_stream: cdk.Duration,
        operations: OperationsParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        self.security_group = self._security_group(vpc)
        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            vpc=vpc,
            vpc_subnets=subnets,
            internet_facing=True,
            security_group=self.security_group,
            drop_invalid_header_fields=True,
            idle_timeout=IDLE_TIMEOUT,
            deletion_protection=operations.removal == "retain",
        )
        acknowledge(
            self.load_balancer,
            {"AwsSolutions-ELB2": "A line of its log would hold the path, which is the token and what is in it"},
        )
        self.target_group = elbv2.ApplicationTargetGroup(
            self,
            "Tasks",
            vpc=vpc,
            port=port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            # Calls are long: in turn, an emptier task would get no more of them than a full one.
            load_balancing_algorithm_type=elbv2.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            deregistration_delay=longest_stream,
            health_check=elbv2.HealthCheck(
                path="/health",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        self.listener = self.load_balancer.add_listener(
            "Https",
            port=HTTPS_PORT,
            protocol=elbv2.ApplicationProtocol.HTTPS,
            certificates=[elbv2.ListenerCertificate.from_arn(certificate_arn)],
            ssl_policy=elbv2.SslPolicy.TLS13_RES,
            default_target_groups=[self.target_group],
            open=False,
        )

    def _security_group(self, vpc: ec2.IVpc) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Relay: media streams from Twilio", allow_all_outbound=False
        )
        group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS_PORT), "Media streams over TLS")
        acknowledge(
            group,
            {"AwsSolutions-EC23": "Twilio connects its streams from no fixed addresses; the relay asks for a token"},
        )
        return group
