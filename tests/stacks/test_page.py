"""What is put into the page's bucket: the bundle, the policy, and what the page is told of its deployment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks import page
from stacks.page import read_index, with_policy
from tests.stacks.synthesis import VARIANTS, Deployment, Json, Synthesize, deploy, only, readable, resources, statements
from tests.stacks.test_page_policy import DAILY as DAILY_DOMAINS
from tests.stacks.test_page_policy import ICE

API = "<switchboard-dev-connect!PublishOutputFnGetAttApiHttpApiApiEndpoint>"
ISSUER = "<switchboard-dev-connect!PublishOutputFnGetAttCallersPoolUserPoolProviderURL>"
SIGN_IN = "https://<switchboard-dev-connect!PublishOutputRefCallersPoolUserPoolDomain>.auth.us-east-1.amazoncognito.com"
AGENTCORE = "wss://bedrock-agentcore.us-east-1.amazonaws.com"
COGNITO = {
    "issuer": ISSUER,
    "clientId": "<switchboard-dev-connect!PublishOutputRefCallersPoolUserPoolPage>",
    "scope": "openid aws.cognito.signin.user.admin",
    "audience": None,
}
DAILY = [*DAILY_DOMAINS, ICE]
MEDIA = ["https://*.media.example.com", "wss://*.media.example.com", "https://sfu.example.com", "wss://sfu.example.com"]
OIDC = VARIANTS["own issuer"]
FULL_OIDC = {
    **OIDC,
    "web.oidc_scopes": "openid,offline_access",
    "web.oidc_audience": "phone",
    "web.oidc_origins": "https://login.example.com,https://tokens.example.com:8443",
}


@pytest.mark.parametrize(
    ("overrides", "hosts"),
    [
        ({}, [f"{API}/", AGENTCORE, f"{ISSUER}/", SIGN_IN]),
        ({"transports": "webrtc"}, [f"{API}/", f"{ISSUER}/", SIGN_IN]),
        ({"transports": "daily"}, [f"{API}/", f"{ISSUER}/", SIGN_IN, *DAILY]),
        (VARIANTS["customer's VPC"], [f"{API}/", f"{ISSUER}/", SIGN_IN, *DAILY_DOMAINS, *MEDIA, ICE]),
        (VARIANTS["no authorizer"], [f"{API}/", AGENTCORE]),
        (OIDC, [f"{API}/", AGENTCORE, "https://login.example.com"]),
        (FULL_OIDC, [f"{API}/", AGENTCORE, "https://login.example.com", "https://tokens.example.com:8443"]),
        (
            {"connect.agentcore_endpoint_url": "http://127.0.0.1:4566"},
            [f"{API}/", "ws://127.0.0.1:4566", f"{ISSUER}/", SIGN_IN],
        ),
        (
            {**VARIANTS["no authorizer"], "region": "us-west-2"},
            [f"{API}/", "wss://bedrock-agentcore.us-west-2.amazonaws.com"],
        ),
    ],
)
def test_the_page_may_reach_the_hosts_of_its_deployment_and_no_other(
    synthesize: Synthesize, overrides: Mapping[str, str], hosts: list[str]
) -> None:
    directives = _written(synthesize("dev", **overrides), "index.html").partition('content="')[2].partition('"')[0]
    (connect,) = (part for part in directives.split("; ") if part.startswith("connect-src "))
    assert connect.split(" ")[1:] == ["'self'", *hosts]


def test_the_policy_comes_before_all_that_it_applies_to(synthesize: Synthesize) -> None:
    before, _, after = _written(synthesize("dev"), "index.html").partition("<head>")
    policy, _, rest = after.lstrip().partition(" />")
    assert policy.startswith('<meta http-equiv="Content-Security-Policy" content="default-src ')
    # The rest is the bundle's, to the letter.
    assert (before, "<head>", rest) == read_index(page.RELEASE).partition("<head>")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({}, {"transports": ["webrtc", "websocket"], "signIn": COGNITO, "memory": False}),
        (
            {"transports": "websocket,daily,webrtc", "memory.enabled": "true", "agent.reconnect_grace_seconds": "60"},
            {
                "transports": ["webrtc", "daily", "websocket"],
                "signIn": COGNITO,
                "memory": True,
                "reconnectGraceSeconds": 60,
            },
        ),
        (VARIANTS["no authorizer"], {"transports": ["webrtc", "websocket"], "signIn": None, "memory": False}),
        (
            OIDC,
            {
                "transports": ["webrtc", "websocket"],
                "signIn": {
                    "issuer": "https://login.example.com/voice",
                    "clientId": "page",
                    "scope": "openid",
                    "audience": None,
                },
                "memory": False,
            },
        ),
        (
            FULL_OIDC,
            {
                "transports": ["webrtc", "websocket"],
                "signIn": {
                    "issuer": "https://login.example.com/voice",
                    "clientId": "page",
                    "scope": "openid offline_access",
                    "audience": "phone",
                },
                "memory": False,
            },
        ),
    ],
)
def test_the_page_is_told_what_is_deployed(synthesize: Synthesize, overrides: Mapping[str, str], told: Json) -> None:
    written = json.loads(_written(synthesize("dev", **overrides), "config.json"))
    assert written == {"name": "switchboard-dev", "apiUrl": API, "reconnectGraceSeconds": 30, **told}


def test_assets_are_kept_for_ever_and_the_page_is_asked_for_each_time(synthesize: Synthesize) -> None:
    assets, entry = _deployments(synthesize("dev"))
    assert (assets["Exclude"], assets["Include"], assets["Prune"]) == (["*"], ["assets/*"], False)
    assert assets["SystemMetadata"] == {"cache-control": "public, max-age=31536000, immutable"}
    assert "DistributionId" not in assets
    assert (entry["Exclude"], entry["Prune"]) == (["assets/*"], True)
    assert "Include" not in entry
    assert entry["SystemMetadata"] == {"cache-control": "no-cache"}
    assert entry["DistributionId"] == "<switchboard-dev-web!DistributionId>"
    assert entry["DistributionPaths"] == ["/", "/index.html", "/config.json"]
    assert assets["DestinationBucketName"] == entry["DestinationBucketName"] == "<switchboard-dev-web!BucketName>"
    # The bundle once, and what takes the place of its files after it.
    assert assets["SourceObjectKeys"] == entry["SourceObjectKeys"][:1]
    assert len(entry["SourceObjectKeys"]) == 3


def test_what_the_page_names_is_there_before_it(synthesize: Synthesize) -> None:
    found = resources(synthesize("dev").templates["page"], "Custom::CDKBucketDeployment")
    (assets,) = (name for name in found if name.startswith("FilesAssets"))
    (entry,) = (resource for name, resource in found.items() if name.startswith("FilesEntry"))
    assert assets in entry["DependsOn"]


def test_the_function_may_write_one_bucket_and_no_more(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["page"]
    granted = {found["Sid"]: found for found in map(readable, statements(template))}
    bucket, assets = "arn:aws:s3:::<switchboard-dev-web!BucketName>", "cdk-hnb659fds-assets-<AWS::AccountId>-us-east-1"
    distribution = "arn:aws:cloudfront::<AWS::AccountId>:distribution/<switchboard-dev-web!DistributionId>"
    assert {sid: (found["Action"], found["Resource"]) for sid, found in granted.items()} == {
        "ReadAssets": ("s3:GetObject", f"arn:aws:s3:::{assets}/*"),
        "ListPage": ("s3:ListBucket", bucket),
        "WritePage": (["s3:DeleteObject", "s3:PutObject"], f"{bucket}/*"),
        "ForgetOldPage": (["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"], distribution),
        "WriteOwnLog": (["logs:CreateLogStream", "logs:PutLogEvents"], "<FilesLogGroup.Arn>"),
    }
    assert not resources(template, "AWS::IAM::Policy")
    function = readable(only(template, "AWS::Lambda::Function"))
    assert (function["Role"], function["Architectures"]) == ("<FilesRole.Arn>", ["arm64"])
    assert len(resources(template, "AWS::Lambda::LayerVersion")) == 1


def test_a_bundle_that_was_not_built_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "RELEASE", tmp_path / "release")
    with pytest.raises(Exception, match=r"release/index\.html is missing: run `make web`"):
        deploy("dev", {}, directory=tmp_path / "cdk.out")
    assert deploy("dev", {"web.enabled": "false"}, directory=tmp_path / "without").templates


@pytest.mark.parametrize("index", ["<html></html>", "<head></head><head></head>"])
def test_a_page_without_one_head_is_refused(index: str) -> None:
    with pytest.raises(ValueError, match=r"<head>, not one: run `make web`"):
        with_policy(index, "default-src 'none'")


def _deployments(deployment: Deployment) -> tuple[Json, Json]:
    found = resources(deployment.templates["page"], "Custom::CDKBucketDeployment").items()
    assets, entry = (
        readable(next(resource["Properties"] for name, resource in found if name.startswith(prefix)))
        for prefix in ("FilesAssets", "FilesEntry")
    )
    return assets, entry


def _written(deployment: Deployment, name: str) -> str:
    """A file as the function writes it: its source with what is known at deploy time, in the form of references."""
    _, entry = _deployments(deployment)
    number = ["bundle", "index.html", "config.json"].index(name)
    asset = str(entry["SourceObjectKeys"][number]).removesuffix(".zip")
    text = (deployment.directory / f"asset.{asset}" / name).read_text(encoding="utf-8")
    markers: Mapping[str, Any] = entry["SourceMarkers"][number]
    for marker, value in markers.items():
        assert marker in text
        text = text.replace(marker, value)
    assert "<<marker" not in text
    return text
