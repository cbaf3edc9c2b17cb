"""CloudFront before the page's bucket: HTTPS, headers, compression, a log, and a name and firewall of your own."""

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks import regions
from stacks.components.acknowledgements import acknowledge
from stacks.components.page_headers import PageHeaders
from stacks.components.page_log_bucket import PageLogBucket
from stacks.parameters import Parameters, WebParameters

LISTING_NOTE: Final = "@aws-cdk/aws-cloudfront-origins:listBucketSecurityRisk"


class PageDistribution(Construct):
    """What is in the bucket, under its own names; `/` is index.html, and what is missing is a 404."""

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, parameters: Parameters) -> None:
        super().__init__(scope, construct_id)
        log = self._log_bucket(parameters)
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=cdk.Stack.of(self).stack_name,
            default_root_object="index.html",
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            default_behavior=cloudfront.BehaviorOptions(
                origin=self._origin(bucket, parameters),
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=PageHeaders(self, "Headers", parameters=parameters),
                compress=True,
            ),
            web_acl_id=parameters.web.web_acl_arn,
            **self._own_name(parameters.web),
            enable_logging=log is not None,
            log_bucket=log,
        )
        if log:
            # It is written to until the distribution is gone, and emptied after that.
            self.distribution.node.add_dependency(log)
        self._acknowledge(parameters)

    def _origin(self, bucket: s3.IBucket, parameters: Parameters) -> cloudfront.IOrigin:
        """Who may not list a bucket is told 403 for what is missing, so the distribution may."""
        return origins.S3BucketOrigin.with_origin_access_control(
            bucket,
            origin_access_levels=[cloudfront.AccessLevel.READ, cloudfront.AccessLevel.LIST],
            origin_access_control=cloudfront.S3OriginAccessControl(
                self,
                "Access",
                # Unique in an account, whatever the region, and 64 characters at most.
                origin_access_control_name=f"{parameters.project}-{parameters.environment}-{parameters.region}",
            ),
        )

    def _own_name(self, web: WebParameters) -> dict[str, Any]:
        if not web.domain_name or not web.certificate_arn:
            return {}
        return {
            "domain_names": [web.domain_name],
            "certificate": acm.Certificate.from_certificate_arn(self, "Certificate", web.certificate_arn),
            "minimum_protocol_version": cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
        }

    def _log_bucket(self, parameters: Parameters) -> PageLogBucket | None:
        if not regions.takes_cloudfront_logs(parameters.region):
            return None
        return PageLogBucket(self, "Log", operations=parameters.operations)

    def _acknowledge(self, parameters: Parameters) -> None:
        web = parameters.web
        reasons = {
            LISTING_NOTE: "The root is index.html, and no query reaches the bucket, so nobody gets a list",
            "AwsSolutions-CFR1": "Callers may be anywhere: whom the agent talks to, the authorizer decides",
        }
        if not web.web_acl_arn:
            reasons["AwsSolutions-CFR2"] = (
                "Static files, behind CloudFront's own protection; web.web_acl_arn adds a WAF"
            )
        if not web.certificate_arn:
            reasons["AwsSolutions-CFR4"] = "CloudFront fixes the protocols of its own name; web.domain_name ends that"
        if not regions.takes_cloudfront_logs(parameters.region):
            reasons["AwsSolutions-CFR3"] = "CloudFront delivers no standard log to a bucket in this region"
        acknowledge(self.distribution, reasons)
