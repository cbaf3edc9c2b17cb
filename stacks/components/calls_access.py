"""Who may place calls: programs with a scope of its own, which no user of the page gets."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cognito as cognito
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from constructs import Construct

from stacks.components.caller_pool import CallerPool
from stacks.parameters import Parameters

# The scope is both with a slash between: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
RESOURCE_SERVER: Final = "switchboard"
SCOPE_NAME: Final = "calls"


class CallsAccess(Construct):
    """The check of the routes under /calls. A token needs `scope`.

    With Cognito there is an app client for programs, `client_id`, which gets tokens at `token_url` by its secret.
    """

    authorizer: apigatewayv2.IHttpRouteAuthorizer
    scope: str
    client_id: str | None = None
    token_url: str | None = None

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        parameters: Parameters,
        pool: CallerPool | None,
    ) -> None:
        super().__init__(scope, construct_id)
        if pool:
            self._trust_pool(pool)
        else:
            self._trust_issuer(parameters)

    def _trust_pool(self, pool: CallerPool) -> None:
        if pool.sign_in_url is None:
            raise ValueError("programs get their tokens from the user pool's domain, and it has none")
        self.scope = f"{RESOURCE_SERVER}/{SCOPE_NAME}"
        self.client_id = self._client(pool.user_pool).user_pool_client_id
        self.token_url = f"{pool.sign_in_url}/oauth2/token"
        self._trust(pool.user_pool.user_pool_provider_url, [self.client_id])

    def _trust_issuer(self, parameters: Parameters) -> None:
        connect, scope = parameters.connect, parameters.telephony.calls_scope
        if connect.oidc_issuer_url is None or scope is None:
            raise ValueError("calls that go out need connect.oidc_issuer_url and telephony.calls_scope, or a user pool")
        self.scope = scope
        self._trust(connect.oidc_issuer_url, list(connect.oidc_audiences))

    def _trust(self, issuer_url: str, audiences: list[str]) -> None:
        self.authorizer = HttpJwtAuthorizer("Calls", issuer_url, jwt_audience=audiences)

    def _client(self, user_pool: cognito.IUserPool) -> cognito.UserPoolClient:
        """Its secret is Cognito's: an operator reads it there."""
        calls = cognito.ResourceServerScope(scope_name=SCOPE_NAME, scope_description="Place, see and end phone calls")
        server = cognito.UserPoolResourceServer(
            self, "ResourceServer", user_pool=user_pool, identifier=RESOURCE_SERVER, scopes=[calls]
        )
        return cognito.UserPoolClient(
            self,
            "Client",
            user_pool=user_pool,
            generate_secret=True,
            # Named none, Cognito would allow more.
            auth_flows=cognito.AuthFlow(user_srp=False),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, calls)],
            ),
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=cdk.Duration.hours(1),
        )
