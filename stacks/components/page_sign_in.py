"""How the page's users get the access tokens that the API takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stacks.components.caller_pool import API_SIGN_IN_SCOPE, PageAccess
from stacks.components.page_policy import origin_of
from stacks.parameters import WebParameters


@dataclass(frozen=True, kw_only=True)
class PageSignIn:
    """`config` is signIn in config.json; `hosts` are what the page asks in the course of it, as sources of a policy."""

    config: Mapping[str, str | None]
    hosts: Sequence[str]


def user_pool(page: PageAccess, *, issuer_url: str) -> PageSignIn:
    """Cognito has the discovery document at the issuer, and gives tokens where it signs in."""
    return PageSignIn(
        config=_config(issuer_url, client_id=page.client_id, scopes=["openid", API_SIGN_IN_SCOPE], audience=None),
        hosts=[f"{issuer_url}/", page.sign_in_url],
    )


def own_issuer(web: WebParameters, *, issuer_url: str) -> PageSignIn:
    """The issuer's whole origin, as many have their token endpoint beside the issuer's path, not below it."""
    if web.oidc_client_id is None:
        raise ValueError("the page needs web.oidc_client_id with connect.authorizer oidc")
    return PageSignIn(
        config=_config(issuer_url, client_id=web.oidc_client_id, scopes=web.oidc_scopes, audience=web.oidc_audience),
        hosts=list(dict.fromkeys([origin_of(issuer_url), *web.oidc_origins])),
    )


def _config(
    issuer_url: str, *, client_id: str, scopes: Sequence[str], audience: str | None
) -> Mapping[str, str | None]:
    return {"issuer": issuer_url, "clientId": client_id, "scope": " ".join(scopes), "audience": audience}
