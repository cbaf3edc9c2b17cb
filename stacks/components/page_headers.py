"""The headers that every response of the page carries: what a browser may do with it."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from stacks.components.page_policy import header_policy
from stacks.parameters import Parameters

# What browsers could ask a caller for or do unasked. The page takes the microphone, and what is not listed here: it
# plays sound, chooses the speaker and writes to the clipboard.
# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Permissions-Policy
REFUSED_FEATURES: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
PERMISSIONS: Final = ", ".join(["microphone=(self)", *(f"{feature}=()" for feature in REFUSED_FEATURES)])
ISOLATION: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
}
HTTPS_ONLY_FOR: Final = cdk.Duration.days(365)


class PageHeaders(cloudfront.ResponseHeadersPolicy):
    """Names of such policies are unique in an account, whatever the region, so the region is in this one's."""

    def __init__(self, scope: Construct, construct_id: str, *, parameters: Parameters) -> None:
        super().__init__(
            scope,
            construct_id,
            response_headers_policy_name=f"{cdk.Stack.of(scope).stack_name}-{parameters.region}",
            comment="What a browser may do with the page",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=header_policy(parameters.transports), override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=HTTPS_ONLY_FOR, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header=name, value=value, override=True)
                    for name, value in ISOLATION.items()
                ]
            ),
        )
