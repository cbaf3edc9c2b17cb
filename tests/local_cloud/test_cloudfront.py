"""What the embedded cloud's edge serves, to whom and how."""

import gzip
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.processes import LEADER_GRACE_SECONDS
from local.state import CloudDirectory

from .conftest import Cloud, LocalCommand
from .templates import Resource, get, ref, resource

# The managed policy CachingOptimized, which is the same in every account.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
SCRIPT = b"console.log('a call');\n" * 100
FILES = {
    "index.html": ("text/html", b"<!doctype html>"),
    "assets/app.js": ("text/javascript", SCRIPT),
    "assets/small.js": ("text/javascript", SCRIPT[:999]),
    "assets/least.js": ("text/javascript", SCRIPT[:1000]),
    "assets/type.woff2": ("font/woff2", SCRIPT),
}


def distribution(*, control: str | None = "Control", enabled: bool = True, **behavior: Any) -> Resource:
    """A distribution of the template's bucket."""
    origin = {
        "Id": "bucket",
        "DomainName": get("Bucket", "RegionalDomainName"),
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        **({"OriginAccessControlId": get(control, "Id")} if control else {}),
    }
    default = {
        "TargetOriginId": "bucket",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": CACHING_OPTIMIZED,
        "Compress": True,
        **behavior,
    }
    config = {
        "Enabled": enabled,
        "DefaultRootObject": "index.html",
        "Origins": [origin],
        "DefaultCacheBehavior": default,
    }
    return resource("AWS::CloudFront::Distribution", DistributionConfig=config)


def access_control(name: str, *, signing: str) -> Resource:
    settings = {"OriginAccessControlOriginType": "s3", "SigningBehavior": signing, "SigningProtocol": "sigv4"}
    return resource("AWS::CloudFront::OriginAccessControl", OriginAccessControlConfig={"Name": name, **settings})


def grant(action: str, target: Any, *distributions: str) -> dict[str, Any]:
    """Let distributions of this account do something with the bucket."""
    arns = [{"Fn::Sub": f"arn:aws:cloudfront::${{AWS::AccountId}}:distribution/${{{name}}}"} for name in distributions]
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": action,
        "Resource": target,
        "Condition": {"StringEquals": {"AWS:SourceArn": arns}},
    }


def site() -> dict[str, Resource]:
    """A private bucket and distributions that differ in what they may."""
    objects, bucket = {"Fn::Sub": "${Bucket.Arn}/*"}, get("Bucket", "Arn")
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    statements = [
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": objects, "Condition": insecure},
        grant("s3:GetObject", objects, "Page", "Reader", "Plain", "Unsigned", "Never", "Disabled"),
        grant("s3:ListBucket", bucket, "Page", "Unsigned", "Never", "Disabled"),
    ]
    headers = {
        "Name": "headers",
        "SecurityHeadersConfig": {
            "ContentSecurityPolicy": {"ContentSecurityPolicy": "frame-ancestors 'none'", "Override": True},
            "ContentTypeOptions": {"Override": True},
            "StrictTransportSecurity": {"AccessControlMaxAgeSec": 31536000, "Override": True},
        },
        "CustomHeadersConfig": {"Items": [{"Header": "permissions-policy", "Value": "camera=()", "Override": True}]},
        "RemoveHeadersConfig": {"Items": [{"Header": "x-amz-meta-secret"}]},
    }
    policy = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Bucket": resource("AWS::S3::Bucket", BucketName="site"),
        "Policy": resource("AWS::S3::BucketPolicy", Bucket=ref("Bucket"), PolicyDocument=policy),
        "Control": access_control("signs", signing="always"),
        "NoControl": access_control("never-signs", signing="never"),
        "Headers": resource("AWS::CloudFront::ResponseHeadersPolicy", ResponseHeadersPolicyConfig=headers),
        "Page": distribution(ResponseHeadersPolicyId=ref("Headers")),
        "Reader": distribution(),
        "Plain": distribution(Compress=False),
        "Stranger": distribution(),
        "Unsigned": distribution(control=None),
        "Never": distribution(control="NoControl"),
        "Disabled": distribution(enabled=False),
    }


class Edge:
    """A browser's view of the distributions: their names lead to this machine, their certificate has to be good."""

    def __init__(self, cloud: Cloud, domain_names: Mapping[str, str]) -> None:
        self.domain_names = domain_names
        trust = ssl.create_default_context(cafile=str(cloud.directory.authority))
        self._client = httpx.Client(verify=trust, http2=True, trust_env=False)

    def request(self, name: str, path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
        """Ask a distribution, or the host of that name."""
        domain_name = self.domain_names.get(name, name)
        host, _, port = domain_name.partition(":")
        asked = {"Host": domain_name, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return self._client.request(
            method, f"https://127.0.0.1:{port}{path}", headers=asked, extensions={"sni_hostname": host}
        )

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def edge(cloud: Cloud) -> Iterator[Edge]:
    """The distributions by their logical ids."""
    resources = site()
    names = [name for name, made in resources.items() if made["Type"] == "AWS::CloudFront::Distribution"]
    made = cloud.deploy("site", resources, **{name: get(name, "DomainName") for name in names})
    assert made.status == "CREATE_COMPLETE", made.reasons
    for key, (content_type, content) in FILES.items():
        cloud.client("s3").put_object(
            Bucket="site", Key=key, Body=content, ContentType=content_type, Metadata={"secret": "x"}
        )
    edge = Edge(cloud, made.outputs)
    yield edge
    edge.close()
    for key in FILES:
        cloud.client("s3").delete_object(Bucket="site", Key=key)
    assert cloud.destroy("site").status == "DELETE_COMPLETE"


def test_a_page_is_served_at_its_name_with_the_headers_of_its_policy(cloud: Cloud, edge: Edge) -> None:
    answer = edge.request("Page", "/")

    listed = cloud.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    assert edge.domain_names["Page"] in [found["DomainName"] for found in listed]
    assert edge.domain_names["Page"].partition(":")[0].endswith(".cloudfront.localhost")
    assert (answer.status_code, answer.http_version, answer.text) == (200, "HTTP/2", "<!doctype html>")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["permissions-policy"] == "camera=()"
    assert {"x-amz-meta-secret", "server", "x-frame-options"}.isdisjoint(answer.headers)
    assert "x-amz-meta-secret" in edge.request("Reader", "/").headers


def test_the_authority_is_alone_in_its_file(cloud: Cloud) -> None:
    written = cloud.directory.authority.read_text()

    assert written.count("-----BEGIN") == written.count("-----BEGIN CERTIFICATE-----") == 1
    assert written in cloud.directory.ca_bundle.read_text()


@pytest.mark.parametrize(
    ("name", "path", "accepted", "is_compressed"),
    [
        ("Page", "/assets/app.js", "br, gzip", True),
        ("Page", "/assets/least.js", "gzip", True),
        ("Page", "/assets/small.js", "gzip", False),
        ("Page", "/assets/type.woff2", "gzip", False),
        ("Page", "/assets/app.js", "gzip;q=0, deflate", False),
        ("Plain", "/assets/app.js", "gzip", False),
    ],
)
def test_compression(edge: Edge, name: str, path: str, accepted: str, is_compressed: bool) -> None:
    answer = edge.request(name, path, Accept_Encoding=accepted)

    content = FILES[path.removeprefix("/")][1]
    assert answer.content == content
    if is_compressed:
        assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert int(answer.headers["content-length"]) == len(gzip.compress(content, mtime=0)) < len(content)
    else:
        assert "content-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(content)


def test_a_compressed_copy_is_revalidated_and_described(edge: Edge) -> None:
    answer = edge.request("Page", "/assets/app.js")
    described = edge.request("Page", "/assets/app.js", method="HEAD")
    again = edge.request("Page", "/assets/app.js", If_None_Match=answer.headers["etag"])

    assert answer.headers["etag"].startswith('W/"')
    for name in ("content-encoding", "content-length", "content-type", "etag"):
        assert described.headers[name] == answer.headers[name]
    assert (described.status_code, described.content) == (200, b"")
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_missing_is_told_to_who_may_list_the_bucket_only(edge: Edge) -> None:
    assert edge.request("Page", "/assets/none.js").status_code == 404
    assert edge.request("Reader", "/assets/none.js").status_code == 403
    assert edge.request("Page", "/assets/none.js").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["Stranger", "Unsigned", "Never", "Disabled"])
def test_a_private_bucket_is_closed_to_other_distributions(edge: Edge, name: str) -> None:
    assert edge.request("Reader", "/").status_code == 200

    assert edge.request(name, "/").status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_get_and_head_are_served(edge: Edge, method: str) -> None:
    answer = edge.request("Page", "/", method=method)

    assert (answer.status_code, "GET and HEAD" in answer.text) == (403, True)


def test_a_name_of_no_distribution_is_refused(edge: Edge) -> None:
    port = edge.domain_names["Page"].partition(":")[2]

    assert edge.request(f"dnone.cloudfront.localhost:{port}", "/").status_code == 403


def test_a_viewer_that_says_nothing_does_not_hold_up_the_end(tmp_path: Path, local_command: LocalCommand) -> None:
    directory = CloudDirectory(path=tmp_path / "cloud")
    local_command("up", directory=directory.path)
    port = int(re.findall(r"Running on https://127.0.0.1:(\d+)", directory.log_file.read_text())[0])
    trust = ssl.create_default_context(cafile=str(directory.authority))
    connection = socket.create_connection(("127.0.0.1", port))
    with trust.wrap_socket(connection, server_hostname="dsilent.cloudfront.localhost"):
        began = time.monotonic()
        local_command("down", directory=directory.path)

    # When it is over, the cloud would have been killed.
    assert time.monotonic() - began < LEADER_GRACE_SECONDS
