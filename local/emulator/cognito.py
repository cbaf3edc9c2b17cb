"""Signing in at a user pool with a browser: an issuer that can be reached, and rules no laxer than Cognito's."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import ministack.app
from ministack.services import apigateway, cognito

from local.cloudformation.resource_type import Properties
from local.emulator.provisioning import Correction, correct_resource_type

Answer = tuple[int, dict[str, str], bytes]

COOKIE: Final = "cognito"
# https://repost.aws/knowledge-center/cognito-logout-endpoint-globalsignoutapi
SESSION_SECONDS: Final = 3600
_ISSUER_IN_AWS = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com/([\w-]+)")
_BELOW_ISSUER = re.compile(r"/[a-z]{2}(?:-[a-z]+)+-\d_\w+(/(?:oauth2/\w+|login|logout))")


def correct_sign_in(*, endpoint: str) -> None:
    """Apply the corrections of user pools; `endpoint` is the base URL of this cloud."""
    name_reachable_issuer(endpoint)
    keep_time_of_sign_in()
    demand_what_cognito_demands()
    renew_for_the_owner_only()
    take_no_refresh_token_for_another()
    serve_pool_domains()
    remember_browsers()


def name_reachable_issuer(endpoint: str) -> None:
    """Let tokens, discovery, Fn::GetAtt and JWT authorizers name an issuer at this cloud's own address.

    ministack names the one in AWS, where a browser would look for keys and pages of a pool that isn't there.
    """
    signed_jwt = cognito._signed_jwt

    def signed_by_pool(claims: Mapping[str, Any], pool_id: str = "", use: str = "") -> Any:
        return signed_jwt({**claims, "iss": f"{endpoint}/{pool_id}"} if pool_id else claims, pool_id, use)

    def with_reachable_issuer(properties: Properties) -> Properties:
        """Templates may spell the issuer out, as CDK's HttpUserPoolAuthorizer does."""
        jwt = properties.get("JwtConfiguration") or {}
        in_aws = _ISSUER_IN_AWS.fullmatch(str(jwt.get("Issuer", "")))
        if not in_aws:
            return properties
        return {**properties, "JwtConfiguration": {**jwt, "Issuer": f"{endpoint}/{in_aws[1]}"}}

    cognito._signed_jwt = signed_by_pool
    cognito.well_known_openid_configuration = lambda pool_id, *_: _json(200, _discovery(endpoint, pool_id))
    correct_resource_type(
        "AWS::Cognito::UserPool",
        Correction(attributes=lambda pool_id, given: {**given, "ProviderURL": f"{endpoint}/{pool_id}"}),
    )
    correct_resource_type("AWS::ApiGatewayV2::Authorizer", Correction(properties=with_reachable_issuer))


def keep_time_of_sign_in() -> None:
    """Let a renewed token say when its user signed in, not when it was renewed: clients compare the two."""
    signed_jwt = cognito._signed_jwt
    signed_in_at: dict[str, int] = {}

    def corrected(claims: Mapping[str, Any], *rest: Any) -> Any:
        if "auth_time" in claims:
            claims = {**claims, "auth_time": signed_in_at.setdefault(claims["origin_jti"], claims["auth_time"])}
        return signed_jwt(claims, *rest)

    cognito._signed_jwt = corrected


def demand_what_cognito_demands() -> None:
    """Refuse a sign-in that AWS would refuse, and a public client without PKCE, which AWS only advises."""
    authorize, issue_code, log_out = (
        cognito.handle_oauth2_authorize,
        cognito._issue_auth_code_redirect,
        cognito.handle_logout,
    )

    def corrected_authorize(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Answer:
        answer: Answer = authorize(method, path, headers, query)
        request = _first_values(query)
        may_sign_in = answer[0] == 200
        return (may_sign_in and _refusal(request.get("client_id", ""), request)) or answer

    def corrected_issue_code(client_id: str, pool_id: str, redirect_uri: str, *rest: Any) -> Answer:
        *_, code_challenge, _method, state = rest
        request = {"redirect_uri": redirect_uri, "code_challenge": code_challenge, "state": state}
        return _refusal(client_id, request) or issue_code(client_id, pool_id, redirect_uri, *rest)

    def corrected_log_out(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Answer:
        request = _first_values(query)
        client = cognito._find_pool_by_client_id(request.get("client_id", ""))[2]
        if client and request.get("logout_uri") not in client["LogoutURLs"]:
            return _error("invalid_request", "logout_uri is none of the client's sign-out URLs.")
        answer: Answer = log_out(method, path, headers, query)
        return answer

    cognito.handle_oauth2_authorize = corrected_authorize
    cognito._issue_auth_code_redirect = corrected_issue_code
    cognito.handle_logout = corrected_log_out


def renew_for_the_owner_only() -> None:
    """Refuse a refresh token that is another client's or has expired: ministack checks neither."""
    token_endpoint = cognito._oauth2_token

    def corrected(data: Any, query: Any, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        form = _form(body)
        if form.get("grant_type") == "refresh_token":
            claims = cognito._token_claims(form.get("refresh_token"))
            client_id, _ = cognito._authenticate_client(headers, form)
            if claims.get("client_id") != client_id or claims.get("exp", 0) <= time.time():
                return _error("invalid_grant", "Invalid refresh token.")
        answer: Answer = token_endpoint(data, query, body, headers)
        return answer

    cognito._oauth2_token = corrected


def take_no_refresh_token_for_another() -> None:
    """Let JWT authorizers refuse refresh tokens: in AWS these are encrypted, here they look like access tokens."""
    validate = apigateway._validate_jwt_authorizer

    async def corrected(*request: Any) -> Any:
        claims, scopes, refusal = await validate(*request)
        if claims and claims.get("token_use") == "refresh":
            return None, None, apigateway._jwt_unauthorized()
        return claims, scopes, refusal

    apigateway._validate_jwt_authorizer = corrected


def serve_pool_domains() -> None:
    """Serve what AWS serves at a pool's domain below the pool's issuer, with /oauth2/revoke, which ministack lacks.

    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
    """
    handle_get_request = ministack.app._handle_cognito_get_request
    handle_body_request = ministack.app._handle_cognito_body_request

    async def corrected_get(method: str, path: str, headers: Any, query: Any) -> Any:
        return await handle_get_request(method, _path_at_domain(path), headers, query)

    async def corrected_body(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        path = _path_at_domain(path)
        if (method, path) == ("POST", "/oauth2/revoke"):
            return _revoke(headers, _form(body))
        return await handle_body_request(method, path, headers, body, query)

    ministack.app._handle_cognito_get_request = corrected_get
    ministack.app._handle_cognito_body_request = corrected_body


@dataclass(frozen=True, kw_only=True)
class _BrowserSession:
    pool_id: str
    username: str
    ends_at: float


def remember_browsers() -> None:
    """Give a browser that has signed in Cognito's cookie, and let it in again for an hour without a form.

    Cognito's classic pages may show a button with the user's name first; here the second sign-in is silent.
    """
    authorize, issue_code, log_out = (
        cognito.handle_oauth2_authorize,
        cognito._issue_auth_code_redirect,
        cognito.handle_logout,
    )
    sessions: dict[str, _BrowserSession] = {}

    def remembering_issue_code(client_id: str, pool_id: str, redirect_uri: str, *rest: Any) -> Answer:
        status, headers, body = issue_code(client_id, pool_id, redirect_uri, *rest)
        if "code=" not in headers.get("Location", ""):
            return status, headers, body
        session_id, username = secrets.token_urlsafe(32), rest[1]
        sessions[session_id] = _BrowserSession(
            pool_id=pool_id, username=username, ends_at=time.time() + SESSION_SECONDS
        )
        return status, {**headers, "Set-Cookie": _cookie(session_id, SESSION_SECONDS)}, body

    def silent_authorize(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Answer:
        answer: Answer = authorize(method, path, headers, query)
        request = _first_values(query)
        pool_id, pool, _client = cognito._find_pool_by_client_id(request.get("client_id", ""))
        session = sessions.get(_session_id(headers))
        if answer[0] != 200 or not session or session.pool_id != pool_id or session.ends_at < time.time():
            return answer
        user = pool["_users"].get(session.username)
        if not user or cognito._hosted_ui_user_status_error(user):
            return answer
        asked = ("nonce", "code_challenge", "code_challenge_method", "state")
        return remembering_issue_code(
            request["client_id"],
            pool_id,
            request["redirect_uri"],
            request.get("scope", ""),
            session.username,
            *(request.get(name, "") for name in asked),
        )

    def forgetting_log_out(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Answer:
        status, given, body = log_out(method, path, headers, query)
        if status == 302:
            sessions.pop(_session_id(headers), None)
            given = {**given, "Set-Cookie": _cookie("", 0)}
        return status, given, body

    cognito._issue_auth_code_redirect = remembering_issue_code
    cognito.handle_oauth2_authorize = silent_authorize
    cognito.handle_logout = forgetting_log_out


def _discovery(endpoint: str, pool_id: str) -> Mapping[str, Any]:
    """Describe the pool's issuer; it has pages and a token endpoint only with a domain."""
    pool, issuer = cognito._get_pool_unscoped(pool_id), f"{endpoint}/{pool_id}"
    at_domain = {
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "userinfo_endpoint": f"{issuer}/oauth2/userInfo",
        "end_session_endpoint": f"{issuer}/logout",
    }
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        **(at_domain if _has_domain(pool) else {}),
    }


def _path_at_domain(path: str) -> str:
    below_issuer = _BELOW_ISSUER.fullmatch(path)
    return below_issuer[1] if below_issuer else path


def _has_domain(pool: Mapping[str, Any]) -> bool:
    return bool(pool.get("Domain") or pool.get("CustomDomain"))


def _refusal(client_id: str, request: Mapping[str, str]) -> Answer | None:
    """Return why this client can't sign anybody in so, beyond what ministack refuses by itself."""
    _pool_id, pool, client = cognito._find_pool_by_client_id(client_id)
    if not _has_domain(pool):
        return _error("invalid_request", "The user pool has no domain, and so no pages to sign in at.")
    if not client["AllowedOAuthFlowsUserPoolClient"] or "COGNITO" not in client["SupportedIdentityProviders"]:
        return _error("unauthorized_client", "The client signs nobody of the user pool in by its pages.")
    if not request.get("redirect_uri"):
        return _error("invalid_request", "redirect_uri is required.")
    if not client["ClientSecret"] and not request.get("code_challenge"):
        error = {"error": "invalid_request", "error_description": "code_challenge is required"}
        state = {"state": request["state"]} if request.get("state") else {}
        return 302, {"Location": f"{request['redirect_uri']}?{urlencode(error | state)}"}, b""
    return None


def _revoke(headers: Mapping[str, str], form: Mapping[str, str]) -> Answer:
    """Revoke a refresh token and what came of it."""
    client_id, secret = cognito._authenticate_client(headers, form)
    client = cognito._find_pool_by_client_id(client_id)[2]
    if not client or (client["ClientSecret"] or "") != secret:
        return _error("invalid_client", "The client is unknown, or its secret is wrong.", status=401)
    token = form.get("token", "")
    if not token or not client["EnableTokenRevocation"]:
        return _error("invalid_request", "There is no token, or the client may revoke none.")
    claims = cognito._token_claims(token)
    if claims.get("token_use") != "refresh":
        return _error("unsupported_token_type", "Only a refresh token can be revoked.")
    if claims["client_id"] != client_id:
        return _error("unauthorized_client", "The token is another client's.")
    cognito._revoke_token({"Token": token})
    return 200, {}, b""


def _session_id(headers: Mapping[str, str]) -> str:
    morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    return morsel.value if morsel else ""


def _cookie(value: str, seconds: int) -> str:
    """Return Cognito's cookie; not Secure, as this cloud speaks plain HTTP on loopback."""
    return f"{COOKIE}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax"


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _first_values(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in query.items()}


def _error(error: str, description: str, *, status: int = 400) -> Answer:
    return _json(status, {"error": error, "error_description": description})


def _json(status: int, body: Mapping[str, Any]) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()
