"""The connect stack: who may call, what the function may do, and what is written down about it."""

import json

from tests.stacks.synthesis import VARIANTS, Json, Synthesize, only, readable, resources, statements

RUNTIME_ARN = "<switchboard-dev-agent!PublishOutputFnGetAttRuntimeAgentRuntimeArn>"
ROUTES = {"POST /start", "DELETE /sessions/{session_id}"}


def test_every_route_takes_an_access_token_of_the_app_client(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["connect"]
    routes = [readable(route["Properties"]) for route in resources(template, "AWS::ApiGatewayV2::Route").values()]
    assert {route["RouteKey"] for route in routes} == ROUTES
    for route in routes:
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == "<ApiHttpApiJwt>"
        # An id token has no scope, so it is refused although its audience is the same client.
        assert route["AuthorizationScopes"] == ["aws.cognito.signin.user.admin"]
    authorizer = readable(only(template, "AWS::ApiGatewayV2::Authorizer"))
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {
        "Audience": ["<CallersPoolUserPoolClient>"],
        "Issuer": "<CallersPoolUserPool.ProviderURL>",
    }


def test_another_issuer_takes_the_place_of_the_user_pool(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["own issuer"]).templates["connect"]
    assert only(template, "AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"] == {
        "Audience": ["page", "phone"],
        "Issuer": "https://login.example.com/voice",
    }
    routes = resources(template, "AWS::ApiGatewayV2::Route").values()
    assert all(route["Properties"]["AuthorizationType"] == "JWT" for route in routes)
    assert not resources(template, "AWS::Cognito::UserPool")
    assert template["Outputs"]["Issuer"]["Value"] == "https://login.example.com/voice"
    assert "UserPoolId" not in template["Outputs"]


def test_a_trial_without_authorizer_says_so_to_the_function(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["no authorizer"]).templates["connect"]
    routes = resources(template, "AWS::ApiGatewayV2::Route").values()
    assert all(route["Properties"]["AuthorizationType"] == "NONE" for route in routes)
    assert _environment(template)["SWITCHBOARD_AUTHORIZER"] == "none"
    assert {"Issuer", "UserPoolId", "UserPoolClientId"}.isdisjoint(template["Outputs"])


def test_users_are_made_by_operators_and_keep_strong_passwords(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["connect"]
    pool = only(template, "AWS::Cognito::UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] == 12
    assert all(policy[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])
    client = only(template, "AWS::Cognito::UserPoolClient")
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert sorted(client["ExplicitAuthFlows"]) == [
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_SRP_AUTH",
    ]


def test_the_function_may_use_one_runtime_and_one_secret_and_nothing_else(synthesize: Synthesize) -> None:
    granted = [readable(statement) for statement in statements(synthesize("dev").templates["connect"])]
    assert granted == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "<ConnectLogGroup.Arn>",
        },
        {
            "Sid": "Sessions",
            "Effect": "Allow",
            "Action": [
                "bedrock-agentcore:InvokeAgentRuntime",
                "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream",
                "bedrock-agentcore:StopRuntimeSession",
            ],
            "Resource": [RUNTIME_ARN, f"{RUNTIME_ARN}/runtime-endpoint/live"],
        },
        {
            "Sid": "SessionKey",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "<SessionKey>",
        },
    ]


def test_the_function_is_what_lambda_needs(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["connect"]
    function = readable(only(template, "AWS::Lambda::Function"))
    assert function["Architectures"] == ["arm64"]
    assert function["Runtime"] == "python3.13"
    assert function["Handler"] == "connect.handler.handler"
    assert function["MemorySize"] == 512
    assert function["Timeout"] == 25
    assert function["Layers"] == ["<ConnectDependencies>"]
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "<ConnectLogGroup>"}
    assert "ReservedConcurrentExecutions" not in function
    layer = only(template, "AWS::Lambda::LayerVersion")
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.13"], ["arm64"])


def test_the_function_is_told_the_choices_and_no_secret(synthesize: Synthesize) -> None:
    overrides = {
        "transports": "websocket,daily",
        "connect.presigned_url_lifetime_seconds": "45",
        "connect.max_body_bytes": "1024",
    }
    assert _environment(synthesize("dev", **overrides).templates["connect"]) == {
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
        "POWERTOOLS_SERVICE_NAME": "connect",
        "SWITCHBOARD_AUTHORIZER": "cognito",
        "SWITCHBOARD_ENDPOINT_NAME": "live",
        "SWITCHBOARD_MAX_BODY_BYTES": "1024",
        "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "45",
        "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
        "SWITCHBOARD_SESSION_KEY_SECRET_ARN": "<SessionKey>",
        "SWITCHBOARD_TRANSPORTS": "websocket,daily",
    }


def test_the_session_key_is_made_by_secrets_manager(synthesize: Synthesize) -> None:
    secret = only(synthesize("dev").templates["connect"], "AWS::SecretsManager::Secret")
    assert secret["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}
    assert "SecretString" not in secret


def test_only_this_api_invokes_the_function(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["connect"]
    permissions = [readable(found["Properties"]) for found in resources(template, "AWS::Lambda::Permission").values()]
    assert {permission["Principal"] for permission in permissions} == {"apigateway.amazonaws.com"}
    api = "arn:aws:execute-api:us-east-1:<AWS::AccountId>:<ApiHttpApi>"
    assert {permission["SourceArn"] for permission in permissions} == {
        f"{api}/*/*/start",
        f"{api}/*/*/sessions/{{session_id}}",
    }


def test_requests_are_throttled_and_logged_without_secrets(synthesize: Synthesize) -> None:
    overrides = {"connect.throttle_rate_per_second": "7", "connect.throttle_burst_requests": "9"}
    template = synthesize("dev", **overrides).templates["connect"]
    stage = only(template, "AWS::ApiGatewayV2::Stage")
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 9}
    assert readable(stage["AccessLogSettings"]["DestinationArn"]) == "<ApiAccessLogGroup.Arn>"
    logged = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
    assert {"$context.requestId", "$context.routeKey", "$context.status"} <= logged
    # A path has a session id in it; claims and headers have the caller's identity and token.
    assert not [value for value in logged if "path" in value or "claims" in value or "header" in value]


def test_browsers_may_call_from_the_listed_origins_only(synthesize: Synthesize) -> None:
    closed = only(synthesize("dev").templates["connect"], "AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in closed
    origins = "https://voice.example.com,http://localhost:7860"
    opened = only(
        synthesize("dev", **{"connect.allowed_origins": origins}).templates["connect"], "AWS::ApiGatewayV2::Api"
    )
    assert opened["CorsConfiguration"] == {
        "AllowOrigins": ["https://voice.example.com", "http://localhost:7860"],
        "AllowMethods": ["POST", "PATCH", "DELETE"],
        "AllowHeaders": ["authorization", "content-type"],
        "ExposeHeaders": ["switchboard-session-id"],
        "MaxAge": 3600,
    }


def _environment(template: Json) -> Json:
    variables: Json = readable(only(template, "AWS::Lambda::Function")["Environment"]["Variables"])
    return variables
