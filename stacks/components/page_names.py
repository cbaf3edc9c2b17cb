"""The page's own domain name, for callers with IPv4 and with IPv6."""

from typing import Final

from aws_cdk import aws_route53 as route53
from constructs import Construct

# Of every distribution: https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
CLOUDFRONT_ZONE_ID: Final = "Z2FDTNDATAQYW2"


class PageNames(Construct):
    """Aliases, which cost nothing to look up."""

    def __init__(
        self, scope: Construct, construct_id: str, *, domain_name: str, hosted_zone_id: str, target: str
    ) -> None:
        super().__init__(scope, construct_id)
        for record_type in ("A", "AAAA"):
            route53.CfnRecordSet(
                self,
                record_type,
                hosted_zone_id=hosted_zone_id,
                name=domain_name,
                type=record_type,
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=target, hosted_zone_id=CLOUDFRONT_ZONE_ID
                ),
            )
