"""What the values under `web` must agree on: with each other, with who signs callers in, and with the account."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stacks.configuration.errors import Mistake
from stacks.configuration.presence import missing_values, superfluous_values
from stacks.configuration.telephony_rules import CALLS_GO_OUT
from stacks.configuration.values import RESERVED_IN_PREFIXES

if TYPE_CHECKING:
    from stacks.parameters import Parameters

OF_OIDC: Final = ("oidc_client_id", "oidc_scopes", "oidc_audience", "oidc_origins")
OF_COGNITO: Final = ("sign_in_domain_prefix",)
FOREIGN_TO_AUTHORIZER: Final = {"cognito": OF_OIDC, "oidc": OF_COGNITO, "none": OF_OIDC + OF_COGNITO}
ARNS: Final = {"certificate_arn": "CloudFront takes no certificate", "web_acl_arn": "CloudFront takes no web ACL"}
CHOICE: Final = ("web.enabled", "connect.authorizer")


def _values_belong_to_a_page(parameters: "Parameters") -> Iterator[Mistake]:
    """Where `web.enabled` is false, `web` holds nothing but `web.sign_in_domain_prefix`, if programs place calls."""
    if parameters.web.enabled:
        return
    kept = {"enabled", *(OF_COGNITO if parameters.has_sign_in_domain else ())}
    yield from superfluous_values(
        parameters.web,
        path="web",
        superfluous=[name for name in type(parameters.web).model_fields if name not in kept],
        reason="web.enabled is false",
        remedy="set web.enabled to true",
        depends_on=(*CHOICE, *CALLS_GO_OUT),
    )


def _own_name_has_a_certificate(parameters: "Parameters") -> Iterator[Mistake]:
    """`web.domain_name` and `web.certificate_arn` come together; `web.hosted_zone_id` needs them."""
    web = parameters.web
    if not web.enabled:
        return
    if web.domain_name:
        needed = {"certificate_arn": "the ARN of the name's certificate, in us-east-1"}
        yield from missing_values(
            web,
            path="web",
            needed=needed,
            reason="web.domain_name is set",
            depends_on=("web.enabled", "web.domain_name"),
        )
    else:
        yield from superfluous_values(
            web,
            path="web",
            superfluous=["certificate_arn", "hosted_zone_id"],
            reason="the page has CloudFront's name",
            remedy="set web.domain_name",
            depends_on=("web.enabled", "web.domain_name"),
        )


def _sign_in_suits_authorizer(parameters: "Parameters") -> Iterator[Mistake]:
    """With `connect.authorizer` oidc the page needs `web.oidc_client_id`; others refuse what is not theirs."""
    authorizer = parameters.connect.authorizer
    if not parameters.web.enabled:
        return
    if authorizer == "oidc":
        yield from missing_values(
            parameters.web,
            path="web",
            needed={"oidc_client_id": "the id of a public client for the page at your issuer"},
            reason="connect.authorizer is oidc; or nothing, with web.enabled false",
            depends_on=CHOICE,
        )
    yield from superfluous_values(
        parameters.web,
        path="web",
        superfluous=FOREIGN_TO_AUTHORIZER[authorizer],
        reason=f"connect.authorizer is {authorizer}",
        remedy="choose another connect.authorizer",
        depends_on=CHOICE,
    )


def _page_asks_for_an_accepted_audience(parameters: "Parameters") -> Iterator[Mistake]:
    """`web.oidc_audience` is one of `connect.oidc_audiences`."""
    web, connect = parameters.web, parameters.connect
    if web.enabled and connect.authorizer == "oidc" and web.oidc_audience not in {None, *connect.oidc_audiences}:
        yield Mistake(
            path="web.oidc_audience",
            got=web.oidc_audience,
            allowed=f"one of connect.oidc_audiences, or the API refuses the page's tokens: "
            f"{', '.join(connect.oidc_audiences)}",
            remedy="add it to connect.oidc_audiences, or name one of these",
            depends_on=(*CHOICE, "connect.oidc_audiences"),
        )


def _sign_in_domain_is_free_of_reserved_words(parameters: "Parameters") -> Iterator[Mistake]:
    """`web.sign_in_domain_prefix` is needed where the project's or environment's name has aws, amazon or cognito."""
    web, name = parameters.web, f"{parameters.project}-{parameters.environment}"
    found = [word for word in RESERVED_IN_PREFIXES if word in name]
    if parameters.has_sign_in_domain and not web.sign_in_domain_prefix and found:
        yield Mistake(
            path="web.sign_in_domain_prefix",
            got=None,
            allowed=f"a prefix of your own, as Cognito takes none with {found[0]} and {name} would begin it",
            remedy="set web.sign_in_domain_prefix",
            depends_on=(*CHOICE, *CALLS_GO_OUT, "project", "environment"),
        )


def _arns_are_of_the_account(parameters: "Parameters") -> Iterator[Mistake]:
    """`web.certificate_arn` and `web.web_acl_arn` are in `account_id`."""
    for name, reason in ARNS.items():
        arn = getattr(parameters.web, name)
        if arn and arn.split(":")[4] != (parameters.account_id or arn.split(":")[4]):
            yield Mistake(
                path=f"web.{name}",
                got=arn,
                allowed=f"one in account {parameters.account_id}: {reason} of another",
                remedy="make one in this account and name it",
                depends_on=("account_id",),
            )


WEB_RULES: Final = (
    _values_belong_to_a_page,
    _own_name_has_a_certificate,
    _sign_in_suits_authorizer,
    _page_asks_for_an_accepted_audience,
    _sign_in_domain_is_free_of_reserved_words,
    _arns_are_of_the_account,
)
