"""The name under which callers find the servers that answer."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53 as route53
from constructs import Construct

from stacks.components.coturn.configuration import LISTENING_PORT


class CoturnNames(Construct):
    """One A record for each server, left out of answers while Route 53 can't connect to it.

    Names resolve to up to eight healthy servers, in random order.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-multivalue.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain_name: str,
        hosted_zone_id: str,
        addresses: Sequence[ec2.CfnEIP],
    ) -> None:
        super().__init__(scope, construct_id)
        for number, address in enumerate(addresses):
            health_check = route53.CfnHealthCheck(
                self,
                f"HealthCheck{number}",
                health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
                    type="TCP", ip_address=address.ref, port=LISTENING_PORT, request_interval=30, failure_threshold=2
                ),
            )
            route53.CfnRecordSet(
                self,
                f"Record{number}",
                hosted_zone_id=hosted_zone_id,
                name=domain_name,
                type="A",
                ttl="30",
                set_identifier=f"server-{number}",
                multi_value_answer=True,
                health_check_id=health_check.ref,
                resource_records=[address.ref],
            )
