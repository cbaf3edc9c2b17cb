"""Clients of a user pool that sign in as programs do, by client credentials: what Cognito demands of them."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from ministack.services import cognito

from local.cloudformation.resource_type import Properties
from local.emulator.provisioning import Correction, correct_resource_type

GRANT: Final = "client_credentials"


def correct_program_clients() -> None:
    """Refuse a template's client that Cognito would refuse, and the grant where the pool has no domain to ask at.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
    """
    token_endpoint = cognito._oauth2_token

    def corrected(data: Any, query: Any, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        if form.get("grant_type") == GRANT:
            client_id, _ = cognito._authenticate_client(headers or {}, form)
            _pool_id, pool, _client = cognito._find_pool_by_client_id(client_id)
            if pool and not (pool.get("Domain") or pool.get("CustomDomain")):
                return cognito._oauth2_error("invalid_request", "The user pool has no domain to ask for tokens at.")
        return token_endpoint(data, query, body, headers)

    cognito._oauth2_token = corrected
    correct_resource_type("AWS::Cognito::UserPoolClient", Correction(properties=_checked))


def _checked(properties: Properties) -> Properties:
    flows = properties.get("AllowedOAuthFlows", [])
    if GRANT not in flows:
        return properties
    if flows != [GRANT] or not properties.get("GenerateSecret"):
        raise ValueError(f"AllowedOAuthFlows {flows}: {GRANT} goes with a client secret and with no other flow.")
    pool = cognito._user_pools.get(properties["UserPoolId"]) or {}
    known = {
        f"{identifier}/{scope['ScopeName']}"
        for identifier, server in (pool.get("_resource_servers") or {}).items()
        for scope in server["Scopes"]
    }
    if unknown := sorted(set(properties.get("AllowedOAuthScopes", [])) - known):
        raise ValueError(f"Invalid scope requested: {', '.join(unknown)} is of no resource server of the pool.")
    return properties
