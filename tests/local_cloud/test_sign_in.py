"""Signing in at a user pool as a browser does: authorization code with PKCE, and what is refused on the way."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from .conftest import Cloud
from .templates import Resource, get, ref, resource

PAGE = "https://page.example.com/"
PASSWORD = "correct-Horse-7"
SCOPE = "openid aws.cognito.signin.user.admin"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ACCESS_TOKEN_SECONDS = 7 * 60
LET_THROUGH = 502


def app_client(**properties: Any) -> Resource:
    """An app client with the properties that CDK's add_client(o_auth=…) writes, or others."""
    given = {
        "UserPoolId": ref("Pool"),
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthScopes": SCOPE.split(),
        "CallbackURLs": [PAGE],
        "LogoutURLs": [PAGE],
        "SupportedIdentityProviders": ["COGNITO"],
        "GenerateSecret": False,
        "EnableTokenRevocation": True,
        "AccessTokenValidity": ACCESS_TOKEN_SECONDS // 60,
        "RefreshTokenValidity": 480,
        "TokenValidityUnits": {"AccessToken": "minutes", "RefreshToken": "minutes"},
    }
    return resource("AWS::Cognito::UserPoolClient", **given | properties)


def guarded_route(name: str, issuer: Resource) -> dict[str, Resource]:
    """A route of the API, and its authorizer with this issuer."""
    authorizer = resource(
        "AWS::ApiGatewayV2::Authorizer",
        ApiId=ref("Api"),
        Name=name,
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer, "Audience": [ref("Page")]},
    )
    route = resource(
        "AWS::ApiGatewayV2::Route",
        ApiId=ref("Api"),
        RouteKey=f"GET /{name}",
        Target={"Fn::Sub": "integrations/${Integration}"},
        AuthorizationType="JWT",
        AuthorizerId=ref(f"{name}Authorizer"),
        AuthorizationScopes=["aws.cognito.signin.user.admin"],
    )
    return {f"{name}Authorizer": authorizer, f"{name}Route": route}


TEMPLATE: Mapping[str, Resource] = {
    "Pool": resource("AWS::Cognito::UserPool"),
    "Domain": resource("AWS::Cognito::UserPoolDomain", UserPoolId=ref("Pool"), Domain="talk-123456789012"),
    "Page": app_client(),
    "NoLogout": app_client(LogoutURLs=[]),
    "Confidential": app_client(GenerateSecret=True),
    "NoPages": app_client(AllowedOAuthFlowsUserPoolClient=False),
    "NoUsers": app_client(SupportedIdentityProviders=[]),
    "NoCode": app_client(AllowedOAuthFlows=["implicit"]),
    "NoRevocation": app_client(EnableTokenRevocation=False),
    "Bare": resource("AWS::Cognito::UserPool"),
    "BarePage": app_client(UserPoolId=ref("Bare")),
    "Second": resource("AWS::Cognito::UserPool"),
    "SecondDomain": resource("AWS::Cognito::UserPoolDomain", UserPoolId=ref("Second"), Domain="second-123456789012"),
    "SecondPage": app_client(UserPoolId=ref("Second")),
    "Api": resource("AWS::ApiGatewayV2::Api", Name="calls", ProtocolType="HTTP"),
    "Stage": resource("AWS::ApiGatewayV2::Stage", ApiId=ref("Api"), StageName="$default", AutoDeploy=True),
    # Behind the authorizers is nothing that answers, which tells who got through.
    "Integration": resource(
        "AWS::ApiGatewayV2::Integration",
        ApiId=ref("Api"),
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri="http://127.0.0.1:9",
        PayloadFormatVersion="1.0",
    ),
    **guarded_route("attribute", get("Pool", "ProviderURL")),
    **guarded_route("spelled", {"Fn::Sub": "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"}),
}
CLIENTS = ("Page", "NoLogout", "Confidential", "NoPages", "NoUsers", "NoCode", "NoRevocation", "BarePage", "SecondPage")


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A deployed user pool, as one browser sees it."""

    browser: httpx.Client
    outputs: Mapping[str, str]
    endpoints: Mapping[str, Any]
    """The discovery document."""

    def authorize(self, **changes: str | None) -> httpx.Response:
        """Ask for the page to sign in at; None leaves a parameter out."""
        request = {
            "client_id": self.outputs["Page"],
            "redirect_uri": PAGE,
            "response_type": "code",
            "scope": SCOPE,
            "state": "state-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        kept = {name: value for name, value in (request | changes).items() if value is not None}
        return self.browser.get(self.endpoints["authorization_endpoint"], params=kept)

    def submit(self, page: httpx.Response, **changes: str) -> httpx.Response:
        """Fill in the page's form, with changes even to what it hides, and send it."""
        action = re.search(r'<form method="POST" action="([^"]+)"', page.text)
        assert action, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        fields = hidden | {"username": "alice", "password": PASSWORD} | changes
        return self.browser.post(str(page.url.join(action[1])), data=fields)

    def code(self, **changes: str | None) -> str:
        page = self.authorize(**changes)
        answer = page if page.status_code == 302 else self.submit(page)
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert query["state"] == ["state-1"]
        return query["code"][0]

    def ask_for_tokens(self, **form: str) -> httpx.Response:
        given = {"client_id": self.outputs["Page"]} | form
        return self.browser.post(self.endpoints["token_endpoint"], data=given, headers={"Origin": PAGE.rstrip("/")})

    def exchange(self, code: str, **changes: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "redirect_uri": PAGE, "code_verifier": VERIFIER, "code": code}
        return self.ask_for_tokens(**form | changes)

    def tokens(self, **changes: str | None) -> Any:
        return self.exchange(self.code(**changes)).json()

    def renew(self, refresh_token: str, **changes: str) -> httpx.Response:
        return self.ask_for_tokens(**{"grant_type": "refresh_token", "refresh_token": refresh_token} | changes)

    def revoke(self, token: str, **changes: str) -> httpx.Response:
        form = {"client_id": self.outputs["Page"], "token": token, "token_type_hint": "refresh_token"} | changes
        return self.browser.post(self.endpoints["revocation_endpoint"], data=form)

    def log_out(self, **changes: str) -> httpx.Response:
        query = {"client_id": self.outputs["Page"], "logout_uri": PAGE} | changes
        return self.browser.get(self.endpoints["end_session_endpoint"], params=query)

    def call(self, route: str, token: str) -> int:
        authorization = {"Authorization": f"Bearer {token}"}
        return self.browser.get(f"{self.outputs['ApiUrl']}/{route}", headers=authorization).status_code


@pytest.fixture(scope="module")
def outputs(cloud: Cloud) -> Iterator[Mapping[str, str]]:
    values = {name: ref(name) for name in (*CLIENTS, "Pool", "Second")}
    issuers = {"Issuer": get("Pool", "ProviderURL"), "BareIssuer": get("Bare", "ProviderURL")}
    made = cloud.deploy("sign-in", TEMPLATE, **values, **issuers, ApiUrl=get("Api", "ApiEndpoint"))
    assert made.status == "CREATE_COMPLETE", made.reasons
    cognito = cloud.client("cognito-idp")
    for name in ("Pool", "Second"):
        alice = {"UserPoolId": made.outputs[name], "Username": "alice"}
        cognito.admin_create_user(**alice, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**alice, Password=PASSWORD, Permanent=True)
    yield made.outputs
    assert cloud.destroy("sign-in").status == "DELETE_COMPLETE"


@pytest.fixture
def pool(outputs: Mapping[str, str]) -> Iterator[Pool]:
    """The pool as a browser sees it that was never there."""
    with httpx.Client(trust_env=False, timeout=20) as browser:
        yield Pool(browser=browser, outputs=outputs, endpoints=discover(browser, outputs["Issuer"]))


def discover(browser: httpx.Client, issuer: str) -> Any:
    answer = browser.get(f"{issuer}/.well-known/openid-configuration")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.json()


def claims(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def error(answer: httpx.Response) -> str:
    """The OAuth error of an answer: in its body, or in where it sends the browser."""
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith(f"{PAGE}?")
        return parse_qs(urlsplit(answer.headers["Location"]).query)["error"][0]
    assert answer.status_code >= 400, answer.text
    return str(answer.json()["error"])


def test_all_agree_on_an_issuer_that_can_be_reached(cloud: Cloud, pool: Pool) -> None:
    tokens = pool.tokens()
    issuer = pool.outputs["Issuer"]
    key_ids = {key["kid"] for key in pool.browser.get(pool.endpoints["jwks_uri"]).json()["keys"]}
    header = json.loads(base64.urlsafe_b64decode(tokens["access_token"].split(".")[0] + "=="))

    assert issuer == f"{cloud.state.endpoint}/{pool.outputs['Pool']}"
    assert pool.endpoints["issuer"] == issuer
    endpoints = [value for name, value in pool.endpoints.items() if name.endswith("_endpoint")]
    assert len(endpoints) == 5
    assert all(value.startswith(f"{issuer}/") for value in endpoints)
    assert {claims(tokens[name])["iss"] for name in ("access_token", "id_token")} == {issuer}
    assert header["kid"] in key_ids


def test_tokens_say_what_was_asked_for_and_last_as_long_as_the_client_says(pool: Pool) -> None:
    answer = pool.exchange(pool.code(nonce="nonce-1"))
    tokens = answer.json()
    access, identity = claims(tokens["access_token"]), claims(tokens["id_token"])

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert set(access["scope"].split()) == set(SCOPE.split())
    assert (access["client_id"], access["token_use"]) == (pool.outputs["Page"], "access")
    assert tokens["expires_in"] == access["exp"] - access["iat"] == ACCESS_TOKEN_SECONDS
    assert (identity["aud"], identity["nonce"]) == (pool.outputs["Page"], "nonce-1")
    assert identity["cognito:username"] == "alice"


@pytest.mark.parametrize("route", ["attribute", "spelled"])
def test_an_authorizer_takes_the_access_token_and_nothing_else(pool: Pool, route: str) -> None:
    tokens = pool.tokens()

    assert pool.call(route, tokens["access_token"]) == LET_THROUGH
    assert pool.call(route, tokens["id_token"]) == 403
    assert pool.call(route, tokens["refresh_token"]) == 401


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"redirect_uri": "https://page.example.com/other"}, "invalid_request"),
        ({"redirect_uri": "https://page.example.com"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"scope": "openid email"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"client_id": "unknown"}, "invalid_client"),
        ({"client_id": "NoCode"}, "unauthorized_client"),
        ({"client_id": "NoPages"}, "unauthorized_client"),
        ({"client_id": "NoUsers"}, "unauthorized_client"),
        ({"client_id": "BarePage"}, "invalid_request"),
    ],
    ids=str,
)
def test_a_sign_in_is_refused_before_the_form(pool: Pool, changes: dict[str, str | None], expected: str) -> None:
    client_id = changes.get("client_id") or "Page"
    answer = pool.authorize(**changes | {"client_id": pool.outputs.get(client_id, client_id)})

    assert error(answer) == expected


@pytest.mark.parametrize(
    "changes", [{"code_challenge": "", "code_challenge_method": ""}, {"redirect_uri": "https://elsewhere.example.com/"}]
)
def test_a_form_that_was_tampered_with_gets_no_code(pool: Pool, changes: dict[str, str]) -> None:
    assert error(pool.submit(pool.authorize(), **changes)) == "invalid_request"


def test_a_wrong_password_gets_the_form_again(pool: Pool) -> None:
    again = pool.submit(pool.authorize(), password="wrong")

    assert again.status_code == 200
    assert "Incorrect username or password" in again.text
    assert pool.submit(again).status_code == 302


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": VERIFIER[:-1] + "~"},
        {"code_verifier": ""},
        {"redirect_uri": "https://page.example.com/other"},
        {"client_id": "NoLogout"},
    ],
    ids=str,
)
def test_a_code_is_no_use_to_another(pool: Pool, changes: dict[str, str]) -> None:
    named = {name: pool.outputs.get(value, value) for name, value in changes.items()}

    assert error(pool.exchange(pool.code(), **named)) == "invalid_grant"


def test_a_code_is_taken_once(pool: Pool) -> None:
    code = pool.code()

    assert pool.exchange(code).status_code == 200
    assert error(pool.exchange(code)) == "invalid_grant"
    assert error(pool.exchange("unknown")) == "invalid_grant"


def test_a_client_with_a_secret_needs_it_instead_of_pkce(pool: Pool) -> None:
    client_id = pool.outputs["Confidential"]
    code = pool.code(client_id=client_id, code_challenge=None, code_challenge_method=None)

    assert error(pool.exchange(code, client_id=client_id)) == "invalid_client"


def test_a_renewed_token_keeps_scope_and_time_of_sign_in(pool: Pool) -> None:
    first = pool.tokens()
    while time.time() < claims(first["access_token"])["auth_time"] + 1:
        time.sleep(0.05)  # tokens count in seconds
    answer = pool.renew(first["refresh_token"])
    renewed = answer.json()
    before, after = claims(first["access_token"]), claims(renewed["access_token"])

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert after["iat"] > before["iat"]
    assert (after["scope"], after["sub"], after["iss"]) == (before["scope"], before["sub"], before["iss"])
    assert claims(renewed["id_token"])["auth_time"] == claims(first["id_token"])["auth_time"]
    assert renewed["expires_in"] == ACCESS_TOKEN_SECONDS
    assert pool.call("attribute", renewed["access_token"]) == LET_THROUGH


def test_a_refresh_token_is_its_own_clients(pool: Pool) -> None:
    refresh_token = pool.tokens()["refresh_token"]

    assert error(pool.renew(refresh_token, client_id=pool.outputs["NoLogout"])) == "invalid_grant"
    assert error(pool.renew("unknown")) == "invalid_grant"
    assert pool.renew(refresh_token).status_code == 200


def test_a_revoked_refresh_token_renews_nothing(pool: Pool) -> None:
    revoked, other = pool.tokens()["refresh_token"], pool.tokens()["refresh_token"]
    answer = pool.revoke(revoked)

    assert (answer.status_code, answer.content) == (200, b"")
    assert error(pool.renew(revoked)) == "invalid_grant"
    assert pool.renew(other).status_code == 200


def test_what_cannot_be_revoked_is_not(pool: Pool) -> None:
    tokens = pool.tokens()
    kept = pool.tokens(client_id=pool.outputs["Page"])["refresh_token"]

    assert error(pool.revoke(tokens["access_token"])) == "unsupported_token_type"
    assert error(pool.revoke("")) == "invalid_request"
    assert error(pool.revoke(kept, client_id="unknown")) == "invalid_client"
    assert error(pool.revoke(kept, client_id=pool.outputs["Confidential"])) == "invalid_client"
    assert error(pool.revoke(kept, client_id=pool.outputs["NoLogout"])) == "unauthorized_client"
    assert error(pool.revoke(kept, client_id=pool.outputs["NoRevocation"])) == "invalid_request"
    assert pool.renew(kept).status_code == 200


def test_a_browser_that_has_signed_in_sees_no_form_until_it_signs_out(pool: Pool) -> None:
    assert pool.submit(pool.authorize()).status_code == 302
    silent = pool.authorize()
    kept = dict(pool.browser.cookies)
    signed_out = pool.log_out()

    assert silent.headers["Location"].startswith(f"{PAGE}?code=")
    assert (signed_out.status_code, signed_out.headers["Location"]) == (302, PAGE)
    assert not pool.browser.cookies
    pool.browser.cookies.update(kept)
    assert pool.authorize().status_code == 200


def test_a_remembered_browser_is_let_in_nowhere_else(cloud: Cloud, pool: Pool) -> None:
    assert pool.submit(pool.authorize()).status_code == 302
    alice = {"UserPoolId": pool.outputs["Pool"], "Username": "alice"}

    assert error(pool.authorize(code_challenge=None, code_challenge_method=None)) == "invalid_request"
    assert pool.authorize(client_id=pool.outputs["SecondPage"]).status_code == 200
    cloud.client("cognito-idp").admin_disable_user(**alice)
    try:
        assert pool.authorize().status_code == 200
    finally:
        cloud.client("cognito-idp").admin_enable_user(**alice)


@pytest.mark.parametrize(
    "changes",
    [{"logout_uri": "https://elsewhere.example.com/"}, {"logout_uri": ""}, {"client_id": "NoLogout"}],
    ids=str,
)
def test_signing_out_leads_only_to_a_registered_page(pool: Pool, changes: dict[str, str]) -> None:
    named = {name: pool.outputs.get(value, value) for name, value in changes.items()}
    assert pool.submit(pool.authorize()).status_code == 302

    assert error(pool.log_out(**named)) == "invalid_request"
    assert pool.authorize().status_code == 302


def test_a_pool_without_a_domain_has_an_issuer_but_no_pages(pool: Pool) -> None:
    found = discover(pool.browser, pool.outputs["BareIssuer"])

    assert found["issuer"] == pool.outputs["BareIssuer"]
    assert not [name for name in found if name.endswith("_endpoint")]
