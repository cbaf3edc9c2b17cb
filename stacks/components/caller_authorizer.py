"""Who may call: users of a pool made here, of an issuer elsewhere, or anybody in a trial."""

from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from constructs import Construct

from stacks.components.caller_pool import API_SIGN_IN_SCOPE, CallerPool
from stacks.parameters import ConnectParameters, OperationsParameters


class CallerAuthorizer(Construct):
    """The check that every route makes. A token needs one of `scopes`, where there are any."""

    route_authorizer: apigatewayv2.IHttpRouteAuthorizer
    scopes: list[str] | None = None
    issuer_url: str | None = None
    pool: CallerPool | None = None

    def __init__(
        self, scope: Construct, construct_id: str, *, connect: ConnectParameters, operations: OperationsParameters
    ) -> None:
        super().__init__(scope, construct_id)
        match connect:
            case ConnectParameters(authorizer="cognito"):
                self.pool = CallerPool(self, "Pool", operations=operations)
                # Without a scope the authorizer would take an id token too: its audience is the same client.
                self.scopes = [API_SIGN_IN_SCOPE]
                self._trust(self.pool.user_pool.user_pool_provider_url, [self.pool.client.user_pool_client_id])
            case ConnectParameters(oidc_issuer_url=str(issuer_url)):
                self._trust(issuer_url, list(connect.oidc_audiences))
            case _:
                self.route_authorizer = apigatewayv2.HttpNoneAuthorizer()

    def _trust(self, issuer_url: str, audiences: list[str]) -> None:
        self.issuer_url = issuer_url
        self.route_authorizer = HttpJwtAuthorizer("Jwt", issuer_url, jwt_audience=audiences)
