"""ministack's CloudFront: how distributions are named, and what they may serve of a private bucket."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import parse_qs

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import cloudfront, s3

CLOUDFRONT_PRINCIPAL: Final = "cloudfront.amazonaws.com"
Origin = Mapping[str, Any]
Answer = tuple[int, Mapping[str, str | list[str]], bytes]


@dataclass(frozen=True, kw_only=True)
class ViewerRequest:
    """A GET as a viewer sends it; header names are in lower case."""

    path: str
    raw_path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What is known of a distribution when a viewer asks it for something."""

    record: Mapping[str, Any]

    @classmethod
    def named(cls, domain_name: str) -> Self | None:
        """Return the enabled distribution of this name, as GetDistribution spells it; None when there is none."""
        return next(
            (
                cls(record=record)
                for record in cloudfront._distributions.values()
                if record["DomainName"] == domain_name and record["enabled"]
            ),
            None,
        )

    def compresses(self, path: str) -> bool:
        """Whether the behavior of this path and its cache policy both want gzip."""
        behavior = cloudfront._match_behavior(cloudfront.parse_distribution_dataplane_config(self.record), path)
        policy = cloudfront.cache_policy_params(behavior["cache_policy_id"]) or {}
        return bool(behavior["compress"] and policy.get("EnableAcceptEncodingGzip"))

    async def answer(self, request: ViewerRequest) -> Answer:
        """Return status, headers and body as the distribution's behaviors, origins and policies have them."""
        answer: Answer = await cloudfront.handle_viewer_request(
            self.record,
            "GET",
            request.path,
            request.raw_path,
            request.query,
            {**request.headers, "x-forwarded-proto": "https"},
            b"",
            parse_qs(request.query, keep_blank_values=True),
        )
        return answer


def refusal(explanation: str) -> Answer:
    """Return CloudFront's own error page for a request that it doesn't serve (status 403)."""
    answer: Answer = cloudfront._cf_error_response(403, explanation, cloudfront._ERROR_X_CACHE)
    return answer


def serve_distributions(*, domain: str) -> None:
    """Name distributions `LABEL.domain`, and let them read no bucket but by origin access control."""
    new_domain_name, behavior = cloudfront._new_distribution_domain, cloudfront._dataplane_behavior

    def with_compression(element: Any, path_pattern: str | None = None) -> dict[str, Any]:
        return {**behavior(element, path_pattern), "compress": cloudfront._xbool(element, "Compress", False)}

    cloudfront._new_distribution_domain = lambda: f"{new_domain_name().partition('.')[0]}.{domain}"
    cloudfront._dataplane_behavior = with_compression
    cloudfront._serve_s3_origin = _fetch
    s3._cloudfront_origin_allows = lambda _owner, bucket, key, source_arn, _identity: (
        bool(source_arn) and _may("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", bucket=bucket, source_arn=source_arn)
    )


def _fetch(origin: Origin, method: str, uri: str, headers: Mapping[str, str], distribution_arn: str = "") -> Any:
    """Ask S3 as the distribution does, in a signed request or, where nothing signs, in one that S3 refuses.

    S3 says that there is no such key only to who may list the bucket; ministack never says it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    bucket, key = origin["s3_bucket"], cloudfront._s3_object_key(origin, uri)
    source_arn = distribution_arn if _signs(origin) else ""
    answer = s3.serve_cloudfront_origin_fetch(bucket, key, method, headers, source_arn=source_arn)
    found = s3._buckets.get(bucket)
    if not source_arn or found is None or not key or key in found["objects"]:
        return answer
    if not _may("s3:ListBucket", f"arn:aws:s3:::{bucket}", bucket=bucket, source_arn=source_arn):
        return answer
    return s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket}/{key}")


def _signs(origin: Origin) -> bool:
    """Whether the origin has an access control that exists, is for S3 and signs whatever a viewer sends."""
    control = cloudfront._oacs.get(origin["oac_id"]) or {}
    return (
        control.get("OriginAccessControlOriginType") == "s3"
        and control.get("SigningBehavior") == "always"
        and control.get("SigningProtocol") == "sigv4"
    )


def _may(action: str, resource_arn: str, *, bucket: str, source_arn: str) -> bool:
    """Ask the bucket's policy alone: this cloud opens no bucket to everybody."""
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]},
    )
    policy = s3._bucket_policies.get(bucket)
    decision = iam_evaluator.evaluate_resource_policy(policy, context, service=CLOUDFRONT_PRINCIPAL).decision
    return bool(decision == "Allow")
