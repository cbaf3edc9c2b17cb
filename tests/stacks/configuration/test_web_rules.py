"""The parameters of the page: names with their certificate, sign-in with its authorizer, and the account's own ARNs."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from stacks.configuration import values
from stacks.configuration.web_rules import OF_COGNITO, OF_OIDC
from stacks.parameters import ParameterError, Parameters, WebParameters
from tests.stacks.synthesis import PAGE_CERTIFICATE, WEB_ACL

NAMED = {"domain_name": "talk.example.com", "certificate_arn": PAGE_CERTIFICATE}
OIDC = {"authorizer": "oidc", "oidc_issuer_url": "https://id.example.com", "oidc_audiences": ["voice", "page"]}
GIVEN: Mapping[str, Any] = {
    **NAMED,
    "hosted_zone_id": "Z0123456789",
    "web_acl_arn": WEB_ACL,
    "sign_in_domain_prefix": "talk-to-us",
    "oidc_client_id": "page",
    "oidc_scopes": ["openid", "offline_access"],
    "oidc_audience": "voice",
    "oidc_origins": ["https://tokens.example.com"],
}

# What is refused: the values under web and elsewhere, and of the mistakes the path, value got, allowed, what to do.
REFUSED: list[tuple[Mapping[str, Any], Mapping[str, Any], list[tuple[str, object, str, str]]]] = [
    (
        {"domain_name": "talk.example.com", "hosted_zone_id": "Z0123456789"},
        {},
        [("web.certificate_arn", None, "in us-east-1, as web.domain_name is set", "set web.certificate_arn")],
    ),
    (
        {"certificate_arn": PAGE_CERTIFICATE, "hosted_zone_id": "Z0123456789"},
        {},
        [
            ("web.certificate_arn", PAGE_CERTIFICATE, "the page has CloudFront's name", "set web.domain_name"),
            ("web.hosted_zone_id", "Z0123456789", "the page has CloudFront's name", "set web.domain_name"),
        ],
    ),
    (
        {},
        {"connect": OIDC},
        [("web.oidc_client_id", None, "or nothing, with web.enabled false", "set web.oidc_client_id")],
    ),
    (
        {"oidc_client_id": "page", "oidc_audience": "elsewhere"},
        {"connect": OIDC},
        [("web.oidc_audience", "elsewhere", "tokens: voice, page", "add it to connect.oidc_audiences")],
    ),
    (
        {},
        {"project": "voice-on-aws"},
        [("web.sign_in_domain_prefix", None, "none with aws and voice-on-aws-dev", "set web.sign_in_domain_prefix")],
    ),
    (
        {**NAMED, "web_acl_arn": WEB_ACL},
        {"account_id": "210987654321"},
        [
            ("web.certificate_arn", PAGE_CERTIFICATE, "in account 210987654321", "make one in this account"),
            ("web.web_acl_arn", WEB_ACL, "in account 210987654321", "make one in this account"),
        ],
    ),
    (
        {},
        {"region": "us-gov-west-1", "agent": {"platform_version": "V1"}},
        [("web.enabled", True, "partition has no CloudFront", "set web.enabled to false")],
    ),
]

ACCEPTED: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    ({}, {}),
    ({"enabled": False}, {"region": "us-gov-west-1", "agent": {"platform_version": "V1"}}),
    ({"enabled": False}, {"connect": OIDC}),
    ({"enabled": False}, {"project": "voice-on-aws"}),
    (NAMED, {"region": "eu-west-1", "account_id": "123456789012"}),
    ({**NAMED, "hosted_zone_id": "Z0123456789", "web_acl_arn": WEB_ACL}, {"environment": "prod"}),
    ({"oidc_client_id": "page", "oidc_audience": "voice"}, {"connect": OIDC}),
    ({"sign_in_domain_prefix": "talk-to-us"}, {"project": "voice-on-aws"}),
    ({}, {"connect": {"authorizer": "none"}, "project": "voice-on-aws"}),
]


def _parameters(web: Mapping[str, Any], others: Mapping[str, Any]) -> Parameters:
    return Parameters.model_validate({"web": web} | dict(others))


@pytest.mark.parametrize(("web", "others", "mistakes"), REFUSED)
def test_a_contradiction_is_refused(
    web: Mapping[str, Any], others: Mapping[str, Any], mistakes: list[tuple[str, object, str, str]]
) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters(web, others)

    assert [(mistake.path, mistake.got) for mistake in refusal.value.mistakes] == [told[:2] for told in mistakes]
    for mistake, (_, _, allowed, remedy) in zip(refusal.value.mistakes, mistakes, strict=True):
        assert allowed in mistake.allowed
        assert remedy in mistake.remedy


@pytest.mark.parametrize(("web", "others"), ACCEPTED)
def test_what_fits_together_is_accepted(web: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    assert _parameters(web, others)


def test_every_value_is_tried() -> None:
    assert {*GIVEN, "enabled"} == {*WebParameters.model_fields}


@pytest.mark.parametrize("name", GIVEN)
def test_without_a_page_nothing_else_is_taken(name: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters({"enabled": False, name: GIVEN[name]}, {})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (f"web.{name}", "nothing, as web.enabled is false")
    assert mistake.remedy == "remove it, or set web.enabled to true"


@pytest.mark.parametrize(
    ("connect", "web", "name"),
    [
        *(({"authorizer": "cognito"}, {}, name) for name in OF_OIDC),
        *((OIDC, {"oidc_client_id": "page"}, name) for name in OF_COGNITO),
        *(({"authorizer": "none"}, {}, name) for name in (*OF_OIDC, *OF_COGNITO)),
    ],
)
def test_an_authorizer_refuses_the_values_of_others(
    connect: Mapping[str, Any], web: Mapping[str, Any], name: str
) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters({**web, name: GIVEN[name]}, {"connect": connect})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (
        f"web.{name}",
        f"nothing, as connect.authorizer is {connect['authorizer']}",
    )
    assert mistake.remedy == "remove it, or choose another connect.authorizer"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.CertificateArn, PAGE_CERTIFICATE.replace("us-east-1", "eu-west-1")),
        (values.CertificateArn, PAGE_CERTIFICATE.replace("acm", "iam")),
        (values.WebAclArn, WEB_ACL.replace("global", "regional")),
        (values.WebAclArn, WEB_ACL.replace("us-east-1", "eu-west-1")),
        (values.DomainPrefix, "my-aws-voice"),
        (values.DomainPrefix, "amazonian"),
        (values.DomainPrefix, "cognitohub"),
        (values.DomainPrefix, "-talk"),
        (values.DomainPrefix, "Talk"),
        (values.DomainPrefix, "t" * 64),
        (values.OAuthScope, "openid profile"),
        (values.OAuthScope, ""),
        (values.SecureOrigin, "https://tokens.example.com/"),
        (values.SecureOrigin, "https://*"),
        (values.SecureOrigin, "http://tokens.example.com"),
        (values.EndpointUrl, "http://127.0.0.1:4566/"),
        (values.EndpointUrl, "ws://127.0.0.1:4566"),
        (values.EndpointUrl, "127.0.0.1:4566"),
        (values.EndpointUrl, "https://a.example.com; script-src *"),
    ],
)
def test_what_aws_or_a_browser_would_not_take_is_refused(kind: Any, value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)
