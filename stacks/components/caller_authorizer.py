"""Who may call: users of a pool made here, of an issuer elsewhere, or anybody in a trial."""

from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from constructs import Construct

from stacks.components.caller_pool import API_SIGN_IN_SCOPE, CallerPool
from stacks.components.page_sign_in import PageSignIn, own_issuer, user_pool
from stacks.parameters import ConnectParameters, Parameters


class CallerAuthorizer(Construct):
    """The check that every route makes. A token needs one of `scopes`, where there are any.

    `page_sign_in` tells the page at `page_url` how its users get such a token.
    """

    route_authorizer: apigatewayv2.IHttpRouteAuthorizer
    scopes: list[str] | None = None
    issuer_url: str | None = None
    pool: CallerPool | None = None
    page_sign_in: PageSignIn | None = None

    def __init__(self, scope: Construct, construct_id: str, *, parameters: Parameters, page_url: str | None) -> None:
        super().__init__(scope, construct_id)
        match parameters.connect:
            case ConnectParameters(authorizer="cognito"):
                self._trust_pool(CallerPool(self, "Pool", parameters=parameters, page_url=page_url))
            case ConnectParameters(oidc_issuer_url=str(issuer_url), oidc_audiences=audiences):
                self._trust(issuer_url, list(audiences))
                if page_url:
                    self.page_sign_in = own_issuer(parameters.web, issuer_url=issuer_url)
            case _:
                self.route_authorizer = apigatewayv2.HttpNoneAuthorizer()

    def _trust_pool(self, pool: CallerPool) -> None:
        self.pool = pool
        # Without a scope the authorizer would take an id token too: its audience is the same client.
        self.scopes = [API_SIGN_IN_SCOPE]
        issuer_url, audiences = pool.user_pool.user_pool_provider_url, [pool.client.user_pool_client_id]
        if pool.page:
            audiences.append(pool.page.client_id)
            self.page_sign_in = user_pool(pool.page, issuer_url=issuer_url)
        self._trust(issuer_url, audiences)

    def _trust(self, issuer_url: str, audiences: list[str]) -> None:
        self.issuer_url = issuer_url
        self.route_authorizer = HttpJwtAuthorizer("Jwt", issuer_url, jwt_audience=audiences)
