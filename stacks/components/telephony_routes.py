"""The telephony function's routes, on the API that the connect stack has."""

from collections.abc import Iterable
from typing import Final

from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.calls_access import CallsAccess

# What a carrier asks: a call comes in or is answered, a digit was pressed, the stream ended, the call's state changed,
# a machine answered.
WEBHOOKS: Final = ("answer", "consent", "next", "events", "machine")
# Daily asks for a room once; all else is told by the agent in it.
OF_DAILY: Final = ("answer",)
CALLS_ROUTES: Final = (
    ("/calls", apigatewayv2.HttpMethod.POST),
    ("/calls/{call_id}", apigatewayv2.HttpMethod.GET),
    ("/calls/{call_id}", apigatewayv2.HttpMethod.DELETE),
)


class TelephonyRoutes(Construct):
    """A set of webhooks for each carrier and, where calls go out, the routes of those who place them.

    The API is taken by its id: CDK would put the authorizer and the function's integration into the API's own stack,
    which comes before this one. That stack's stage deploys, throttles and logs these routes as well.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api_id: str,
        function: lambda_.IFunction,
        carriers: Iterable[str],
        calls: CallsAccess | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._api = apigatewayv2.HttpApi.from_http_api_attributes(self, "Api", http_api_id=api_id)
        self._integration = HttpLambdaIntegration("Function", function, scope_permission_to_route=False)
        for carrier in carriers:
            for webhook in OF_DAILY if carrier == "daily" else WEBHOOKS:
                self._add_webhook(f"/telephony/{carrier}/{webhook}")
        if calls:
            for path, method in CALLS_ROUTES:
                self._add(path, method, authorizer=calls.authorizer, scopes=[calls.scope])

    def _add_webhook(self, path: str) -> None:
        route = self._add(path, apigatewayv2.HttpMethod.POST, authorizer=apigatewayv2.HttpNoneAuthorizer(), scopes=None)
        acknowledge(
            route,
            {"AwsSolutions-APIG4": "A carrier signs its requests; the function checks that before anything else"},
        )

    def _add(
        self,
        path: str,
        method: apigatewayv2.HttpMethod,
        *,
        authorizer: apigatewayv2.IHttpRouteAuthorizer,
        scopes: list[str] | None,
    ) -> apigatewayv2.HttpRoute:
        return apigatewayv2.HttpRoute(
            self,
            f"{method.value} {path}",
            http_api=self._api,
            route_key=apigatewayv2.HttpRouteKey.with_(path, method),
            integration=self._integration,
            authorizer=authorizer,
            authorization_scopes=scopes,
        )
