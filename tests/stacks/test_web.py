"""Where the page is served from: who may read the bucket, what CloudFront does with it, and what stays behind."""

import pytest

from tests.stacks.synthesis import (
    ENVIRONMENTS,
    PAGE_CERTIFICATE,
    VARIANTS,
    WEB_ACL,
    Deployment,
    Json,
    Synthesize,
    only,
    readable,
    resources,
)

CLOSED = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
EMPTYING = "<CustomS3AutoDeleteObjectsCustomResourceProviderRole.Arn>"


def test_only_the_distribution_reads_the_bucket(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["web"]
    bucket = _named(template, "AWS::S3::Bucket", "Bucket")
    assert bucket["PublicAccessBlockConfiguration"] == CLOSED
    assert "VersioningConfiguration" not in bucket
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    insecure, emptying, reading = _named(template, "AWS::S3::BucketPolicy", "BucketPolicy")["PolicyDocument"][
        "Statement"
    ]
    assert (insecure["Effect"], insecure["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert emptying["Principal"] == {"AWS": EMPTYING}
    assert reading == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["<Bucket.Arn>", "<Bucket.Arn>/*"],
        "Condition": {
            "StringEquals": {
                "AWS:SourceArn": "arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/<PageDistribution>"
            }
        },
    }


def test_the_distribution_serves_files_over_https_and_nothing_else(synthesize: Synthesize) -> None:
    distribution = _distribution(synthesize("dev").templates["web"])
    (origin,) = distribution["Origins"]
    assert (origin["DomainName"], origin["OriginAccessControlId"]) == ("<Bucket.RegionalDomainName>", "<PageAccess.Id>")
    assert (distribution["DefaultRootObject"], distribution["HttpVersion"]) == ("index.html", "http2and3")
    # What is missing is told as it is: no page comes in the place of a script.
    assert "CustomErrorResponses" not in distribution
    behavior = distribution["DefaultCacheBehavior"]
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["Compress"] is True
    assert behavior["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"  # CachingOptimized
    assert behavior["ResponseHeadersPolicyId"] == "<PageHeaders>"
    assert {"Aliases", "ViewerCertificate", "WebACLId"}.isdisjoint(distribution)


def test_every_response_says_what_a_browser_may_do_with_it(synthesize: Synthesize) -> None:
    headers = only(synthesize("dev").templates["web"], "AWS::CloudFront::ResponseHeadersPolicy")
    policy = headers["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    assert security["StrictTransportSecurity"] == {"AccessControlMaxAgeSec": 365 * 86_400, "Override": True}
    assert security["ContentTypeOptions"] == {"Override": True}
    assert security["ReferrerPolicy"] == {"ReferrerPolicy": "no-referrer", "Override": True}
    assert "frame-ancestors 'none'" in security["ContentSecurityPolicy"]["ContentSecurityPolicy"].split("; ")
    others = {item["Header"]: item["Value"] for item in policy["CustomHeadersConfig"]["Items"]}
    assert others["Cross-Origin-Opener-Policy"] == "same-origin"
    permissions = others["Permissions-Policy"].split(", ")
    assert [permission for permission in permissions if not permission.endswith("=()")] == ["microphone=(self)"]
    assert {"camera=()", "geolocation=()", "display-capture=()"} <= set(permissions)
    # The page plays sound, chooses a speaker and copies text.
    assert not [permission for permission in permissions if permission.startswith(("autoplay", "speaker", "clipboard"))]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_log_ends_when_the_environment_says(synthesize: Synthesize, environment: str) -> None:
    deployment = synthesize(environment)
    template, operations = deployment.templates["web"], deployment.parameters.operations
    assert _distribution(template)["Logging"] == {"Bucket": "<PageLog.RegionalDomainName>"}
    log = _named(template, "AWS::S3::Bucket", "PageLog")
    assert log["PublicAccessBlockConfiguration"] == CLOSED
    (rule,) = log["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", operations.log_retention_days)
    # CloudFront delivers by an access control list.
    assert log["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerPreferred"}]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_page_goes_with_its_stack_and_its_log_as_the_environment_says(
    synthesize: Synthesize, environment: str
) -> None:
    deployment = synthesize(environment)
    template = deployment.templates["web"]
    destroyed = deployment.parameters.operations.removal == "destroy"
    buckets = {name.rstrip("0123456789ABCDEF"): found for name, found in resources(template, "AWS::S3::Bucket").items()}
    policies = {name: found["DeletionPolicy"] for name, found in buckets.items()}
    assert policies == {"Bucket": "Delete", "PageLog": "Delete" if destroyed else "Retain"}
    emptied = resources(template, "Custom::S3AutoDeleteObjects")
    of = {readable(found["Properties"]["BucketName"]): name for name, found in emptied.items()}
    assert set(of) == {"<Bucket>", *(["<PageLog>"] if destroyed else [])}
    # CloudFront writes its log until the distribution is gone, so the log is emptied after that.
    (distribution,) = resources(template, "AWS::CloudFront::Distribution").values()
    assert (of.get("<PageLog>") in distribution["DependsOn"]) == destroyed


def test_a_region_that_gets_no_log_from_cloudfront_has_no_bucket_for_it(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["Milan"]).templates["web"]
    assert "Logging" not in _distribution(template)
    assert len(resources(template, "AWS::S3::Bucket")) == 1


def test_a_name_of_its_own_comes_with_certificate_records_and_firewall(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["own name"]).templates["web"]
    distribution = _distribution(template)
    assert distribution["Aliases"] == ["talk.example.com"]
    assert distribution["ViewerCertificate"] == {
        "AcmCertificateArn": PAGE_CERTIFICATE,
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }
    assert distribution["WebACLId"] == WEB_ACL
    records = [readable(found["Properties"]) for found in resources(template, "AWS::Route53::RecordSet").values()]
    assert sorted(record["Type"] for record in records) == ["A", "AAAA"]
    for record in records:
        assert (record["Name"], record["HostedZoneId"]) == ("talk.example.com", "Z0123456789ABCDEFGHIJ")
        assert record["AliasTarget"] == {
            "DNSName": "<PageDistribution.DomainName>",
            "HostedZoneId": "Z2FDTNDATAQYW2",
        }
    assert template["Outputs"]["PageUrl"]["Value"] == "https://talk.example.com"


def test_whoever_keeps_the_zone_elsewhere_makes_the_records(synthesize: Synthesize) -> None:
    overrides = {**VARIANTS["own name"], "web.hosted_zone_id": ""}
    template = synthesize("dev", **overrides).templates["web"]
    assert not resources(template, "AWS::Route53::RecordSet")
    assert readable(template["Outputs"]["DistributionDomainName"]["Value"]) == "<PageDistribution.DomainName>"


def test_the_pages_url_is_an_origin(synthesize: Synthesize) -> None:
    outputs = synthesize("dev").templates["web"]["Outputs"]
    assert readable(outputs["PageUrl"]["Value"]) == "https://<PageDistribution.DomainName>"


def test_names_that_are_unique_in_an_account_tell_regions_apart(synthesize: Synthesize) -> None:
    names = [_account_wide_names(synthesize("dev", **more)) for more in ({}, VARIANTS["Milan"])]
    assert names[0].isdisjoint(names[1])
    assert all(len(name) <= 64 for name in names[0] | names[1])


def test_there_is_no_stack_of_a_page_that_is_not_enabled(synthesize: Synthesize) -> None:
    assert set(synthesize("dev", **VARIANTS["no page"]).templates) == {"network", "signaling", "agent", "connect"}


def _account_wide_names(deployment: Deployment) -> set[str]:
    template = deployment.templates["web"]
    access = only(template, "AWS::CloudFront::OriginAccessControl")["OriginAccessControlConfig"]
    headers = only(template, "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    return {access["Name"], headers["Name"]}


def _distribution(template: Json) -> Json:
    configuration: Json = readable(only(template, "AWS::CloudFront::Distribution")["DistributionConfig"])
    return configuration


def _named(template: Json, resource_type: str, name: str) -> Json:
    """The properties of a resource by its logical id without CDK's hash."""
    found = resources(template, resource_type)
    (properties,) = (
        readable(resource["Properties"])
        for logical_id, resource in found.items()
        if readable({"Ref": logical_id}) == f"<{name}>"
    )
    typed: Json = properties
    return typed
