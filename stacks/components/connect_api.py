"""The HTTP API in front of the connect function: routes, throttle, origins, access log."""

import json
from collections.abc import Iterator
from typing import Final, cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.caller_authorizer import CallerAuthorizer
from stacks.components.log_group import LogGroup
from stacks.parameters import ConnectParameters, OperationsParameters, Parameters

# Names the route, never the path: a path has a session id in it. No header, no token, no answer.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
ACCESS_LOG_FIELDS: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "functionLatencyMs": "$context.integrationLatency",
    "responseBytes": "$context.responseLength",
    "authorizerError": "$context.authorizer.error",
    "functionError": "$context.integrationErrorMessage",
}
ROUTES: Final = (
    ("/start", apigatewayv2.HttpMethod.POST),
    ("/sessions/{session_id}", apigatewayv2.HttpMethod.DELETE),
)
# A URL for another WebSocket of the same session: AgentCore ends one after an hour, and networks fail.
WEBSOCKET_ROUTES: Final = (("/sessions/{session_id}/url", apigatewayv2.HttpMethod.POST),)
# The paths that @pipecat-ai/small-webrtc-transport makes of /start, and one for fresh ICE servers in a long call.
WEBRTC_ROUTES: Final = (
    ("/sessions/{session_id}/api/offer", apigatewayv2.HttpMethod.POST),
    ("/sessions/{session_id}/api/offer", apigatewayv2.HttpMethod.PATCH),
    ("/sessions/{session_id}/api/ice-servers", apigatewayv2.HttpMethod.POST),
)
# A token for a second person in the caller's room.
DAILY_ROUTES: Final = (("/sessions/{session_id}/participants", apigatewayv2.HttpMethod.POST),)


class ConnectApi(Construct):
    """Every route asks the same function, after the same authorizer."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.IFunction,
        authorizer: CallerAuthorizer,
        parameters: Parameters,
        page_url: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        connect = parameters.connect
        self.http_api = apigatewayv2.HttpApi(
            self,
            "HttpApi",
            api_name=cdk.Stack.of(self).stack_name,
            description="Sessions with the voice agent",
            create_default_stage=False,
            cors_preflight=_cross_origin(_origins(connect, page_url=page_url)),
        )
        self._add_stage(connect=connect, operations=parameters.operations)
        integration = HttpLambdaIntegration("Function", function)
        for path, method in _routes(parameters):
            self.http_api.add_routes(
                path=path,
                methods=[method],
                integration=integration,
                authorizer=authorizer.route_authorizer,
                authorization_scopes=authorizer.scopes,
            )
        if connect.authorizer == "none":
            acknowledge(
                self.http_api,
                {"AwsSolutions-APIG4": "The parameters allow an open API in dev and local only; it is throttled"},
            )

    def _add_stage(self, *, connect: ConnectParameters, operations: OperationsParameters) -> None:
        stage = apigatewayv2.HttpStage(
            self,
            "Stage",
            http_api=self.http_api,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=connect.throttle_rate_per_second, burst_limit=connect.throttle_burst_requests
            ),
        )
        log_group = LogGroup(self, "AccessLogGroup", operations=operations)
        resource = cast(apigatewayv2.CfnStage, stage.node.default_child)
        resource.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn, format=json.dumps(ACCESS_LOG_FIELDS)
        )


def _routes(parameters: Parameters) -> Iterator[tuple[str, apigatewayv2.HttpMethod]]:
    yield from ROUTES
    if "websocket" in parameters.transports:
        yield from WEBSOCKET_ROUTES
    if "webrtc" in parameters.transports:
        yield from WEBRTC_ROUTES
    if parameters.has_rooms:
        yield from DAILY_ROUTES


def _origins(connect: ConnectParameters, *, page_url: str | None) -> list[str]:
    """Web pages that may call the API: those of the parameters, and the deployment's own."""
    if not page_url or "*" in connect.allowed_origins:
        return list(connect.allowed_origins)
    return list(dict.fromkeys([*connect.allowed_origins, page_url]))


def _cross_origin(origins: list[str]) -> apigatewayv2.CorsPreflightOptions | None:
    if not origins:
        return None
    return apigatewayv2.CorsPreflightOptions(
        allow_origins=origins,
        allow_methods=[
            apigatewayv2.CorsHttpMethod.POST,
            apigatewayv2.CorsHttpMethod.PATCH,
            apigatewayv2.CorsHttpMethod.DELETE,
        ],
        allow_headers=["authorization", "content-type"],
        expose_headers=["switchboard-session-id"],
        max_age=cdk.Duration.hours(1),
    )
