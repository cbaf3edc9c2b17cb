"""The connect stack: who may call, what the function may do, and what is written down about it."""

import json
from collections.abc import Mapping

import pytest

from connect.settings import load_settings
from stacks.channel_pool import SESSIONS_PER_CHANNEL
from tests.stacks.synthesis import (
    TURN_SECRET,
    TURN_SOURCES,
    VARIANTS,
    Json,
    Synthesize,
    only,
    readable,
    resources,
    statements,
)

RUNTIME_ARN = "<switchboard-dev-agent!PublishOutputFnGetAttRuntimeAgentRuntimeArn>"
PAGE_URL = "https://<switchboard-dev-web!PublishOutputFnGetAttPageDistributionDomainName>"
ROUTES = {"POST /start", "DELETE /sessions/{session_id}"}
WEBSOCKET_ROUTES = {"POST /sessions/{session_id}/url"}
DAILY_ROUTES = {"POST /sessions/{session_id}/participants"}
WEBRTC_ROUTES = {
    "POST /sessions/{session_id}/api/offer",
    "PATCH /sessions/{session_id}/api/offer",
    "POST /sessions/{session_id}/api/ice-servers",
}
OWN_LOG = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "<ConnectLogGroup.Arn>",
}
SESSIONS = {
    "Sid": "Sessions",
    "Effect": "Allow",
    "Action": [
        "bedrock-agentcore:InvokeAgentRuntime",
        "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream",
        "bedrock-agentcore:StopRuntimeSession",
    ],
    "Resource": [RUNTIME_ARN, f"{RUNTIME_ARN}/runtime-endpoint/live"],
}


def reading(sid: str, secret: str) -> Json:
    """The statement for one secret."""
    return {"Sid": sid, "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}


def channel(number: int) -> str:
    """The ARN of a signaling channel, as the other stack publishes it."""
    return f"<switchboard-dev-signaling!PublishOutputFnGetAttChannel{number}Arn>"


CREATION_TIMES = "<switchboard-dev-signaling!ChannelCreationTimes>"
SHARED_SECRET = "<switchboard-dev-turn!PublishOutputRefSharedSecret>"
# What AWS puts in the place of references.
DEPLOYED = {
    "<AWS::AccountId>": "123456789012",
    "<SessionKey>": "arn:aws:secretsmanager:us-east-1:123456789012:secret:SessionKey-AbC123",
    "<DailySecret>": "arn:aws:secretsmanager:us-east-1:123456789012:secret:DailySecret-AbC123",
    SHARED_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:SharedSecret-AbC123",
    CREATION_TIMES: "1764000000000,1764000000001",
    RUNTIME_ARN: "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/switchboard_dev-0123456789",
}
KVS = {
    "SWITCHBOARD_TURN_SOURCE": "kvs",
    "SWITCHBOARD_KVS_CHANNEL_PREFIX": "arn:aws:kinesisvideo:us-east-1:<AWS::AccountId>:channel/switchboard-dev-turn-",
    "SWITCHBOARD_ICE_REUSE_SECONDS": "20",
}
DAILY_KEY = reading("DailyKey", "<DailySecret>")
DAILY = {
    "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "4",
    "SWITCHBOARD_DAILY_RECORDING": "off",
    "SWITCHBOARD_DAILY_ROOM_PREFIX": "switchboard-dev",
    "SWITCHBOARD_DAILY_SECRET_ARN": "<DailySecret>",
    "SWITCHBOARD_DAILY_SESSION_SECONDS": "3600",
}
BROKER = {"SWITCHBOARD_TURN_SOURCE": "static", "SWITCHBOARD_TURN_SECRET_ARN": TURN_SECRET}

# For each source: the overrides, what the function is told, and what it may do for it.
ICE_SOURCES: list[tuple[Mapping[str, str], Json, list[Json]]] = [
    ({"transports": "websocket"}, {}, []),
    ({"transports": "websocket,daily"}, DAILY, [DAILY_KEY]),
    (
        {
            "transports": "daily",
            "daily.api_url": "https://daily.example.com/v1",
            "daily.geo": "eu-central-1",
            "daily.max_participants": "9",
            "daily.recording": "raw-tracks",
            "daily.session_seconds": "600",
        },
        DAILY
        | {
            "DAILY_API_URL": "https://daily.example.com/v1",
            "SWITCHBOARD_DAILY_GEO": "eu-central-1",
            "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "9",
            "SWITCHBOARD_DAILY_RECORDING": "raw-tracks",
            "SWITCHBOARD_DAILY_SESSION_SECONDS": "600",
        },
        [DAILY_KEY],
    ),
    (
        {"turn.peak_concurrent_relayed_sessions": str(2 * SESSIONS_PER_CHANNEL + 1), "turn.reuse_seconds": "0"},
        KVS
        | {
            "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES": CREATION_TIMES,
            "SWITCHBOARD_ICE_REUSE_SECONDS": "0",
        },
        [
            {
                "Sid": "IceServers0",
                "Effect": "Allow",
                "Action": ["kinesisvideo:GetIceServerConfig", "kinesisvideo:GetSignalingChannelEndpoint"],
                "Resource": [channel(number) for number in range(3)],
            }
        ],
    ),
    (
        TURN_SOURCES["fixed"],
        BROKER
        | {
            "SWITCHBOARD_TURN_CREDENTIALS": "fixed",
            "ICE_SERVER_URLS": "stun:stun.example.com,turn:turn.example.com,turns:turn.example.com:443",
        },
        [reading("TurnSecret", TURN_SECRET)],
    ),
    (
        TURN_SOURCES["cloudflare"],
        BROKER | {"SWITCHBOARD_TURN_CREDENTIALS": "cloudflare"},
        [reading("TurnSecret", TURN_SECRET)],
    ),
    (
        TURN_SOURCES["twilio"],
        BROKER | {"SWITCHBOARD_TURN_CREDENTIALS": "twilio"},
        [reading("TurnSecret", TURN_SECRET)],
    ),
    (
        TURN_SOURCES["coturn"],
        {
            "SWITCHBOARD_TURN_SOURCE": "coturn",
            "SWITCHBOARD_TURN_SECRET_ARN": SHARED_SECRET,
            "ICE_SERVER_URLS": "turn:turn.example.com:3478?transport=udp,turn:turn.example.com:3478?transport=tcp,"
            "turns:turn.example.com:443?transport=tcp",
        },
        [reading("TurnSecret", SHARED_SECRET)],
    ),
    (TURN_SOURCES["none"], {"SWITCHBOARD_TURN_SOURCE": "none"}, []),
]


def test_every_route_takes_an_access_token_of_the_app_client(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["connect"]
    routes = [readable(route["Properties"]) for route in resources(template, "AWS::ApiGatewayV2::Route").values()]
    assert {route["RouteKey"] for route in routes} == ROUTES | WEBSOCKET_ROUTES | WEBRTC_ROUTES
    for route in routes:
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == "<ApiHttpApiJwt>"
        # An id token has no scope, so it is refused although its audience is the same client.
        assert route["AuthorizationScopes"] == ["aws.cognito.signin.user.admin"]
    authorizer = readable(only(template, "AWS::ApiGatewayV2::Authorizer"))
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {
        "Audience": ["<CallersPoolUserPoolClient>", "<CallersPoolUserPoolPage>"],
        "Issuer": "<CallersPoolUserPool.ProviderURL>",
    }


@pytest.mark.parametrize(
    ("transports", "routes"),
    [
        ("websocket", WEBSOCKET_ROUTES),
        ("websocket,daily", WEBSOCKET_ROUTES | DAILY_ROUTES),
        ("webrtc", WEBRTC_ROUTES),
    ],
)
def test_a_transports_routes_come_with_it(synthesize: Synthesize, transports: str, routes: set[str]) -> None:
    template = synthesize("dev", transports=transports).templates["connect"]
    found = {route["Properties"]["RouteKey"] for route in resources(template, "AWS::ApiGatewayV2::Route").values()}
    assert found == ROUTES | routes


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
    client = _client(template, "CallersPoolUserPoolClient")
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert sorted(client["ExplicitAuthFlows"]) == [
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_SRP_AUTH",
    ]


@pytest.mark.parametrize(("overrides", "permissions"), [(source[0], source[2]) for source in ICE_SOURCES])
def test_the_function_may_use_one_runtime_one_key_and_one_source_of_ice_servers(
    synthesize: Synthesize, overrides: Mapping[str, str], permissions: list[Json]
) -> None:
    template = synthesize("dev", **overrides).templates["connect"]
    granted = [readable(statement) for statement in statements(template)]
    assert granted == [OWN_LOG, SESSIONS, reading("SessionKey", "<SessionKey>"), *permissions]
    assert "*" not in str(granted)
    assert not resources(template, "AWS::IAM::ManagedPolicy")


def test_the_function_is_what_lambda_needs(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["connect"]
    function = readable(only(template, "AWS::Lambda::Function"))
    assert function["Architectures"] == ["arm64"]
    assert function["Runtime"] == "python3.13"
    assert function["Handler"] == "connect.handler.handler"
    assert function["MemorySize"] == 512
    # An offer may wait for AgentCore; API Gateway gives up after 30 s.
    assert function["Timeout"] == 29
    assert function["Layers"] == ["<ConnectDependencies>"]
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "<ConnectLogGroup>"}
    assert "ReservedConcurrentExecutions" not in function
    layer = only(template, "AWS::Lambda::LayerVersion")
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.13"], ["arm64"])


@pytest.mark.parametrize(("overrides", "told"), [source[:2] for source in ICE_SOURCES])
def test_the_function_is_told_the_choices_and_no_secret(
    synthesize: Synthesize, overrides: Mapping[str, str], told: Json
) -> None:
    choices = {"connect.presigned_url_lifetime_seconds": "45", "connect.max_body_bytes": "1024"}
    assert _environment(synthesize("dev", **overrides, **choices).templates["connect"]) == {
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
        "POWERTOOLS_SERVICE_NAME": "connect",
        "SWITCHBOARD_AUTHORIZER": "cognito",
        "SWITCHBOARD_ENDPOINT_NAME": "live",
        "SWITCHBOARD_MAX_BODY_BYTES": "1024",
        "SWITCHBOARD_MEMORY": "off",
        "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "45",
        "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
        "SWITCHBOARD_SESSION_KEY_SECRET_ARN": "<SessionKey>",
        "SWITCHBOARD_TRANSPORTS": overrides.get("transports", "websocket,webrtc"),
        **told,
    }


@pytest.mark.parametrize("overrides", [*(source[0] for source in ICE_SOURCES), VARIANTS["memory"]])
def test_the_function_understands_what_it_is_told(synthesize: Synthesize, overrides: Mapping[str, str]) -> None:
    environment = _environment(synthesize("dev", **overrides).templates["connect"])
    for reference, value in DEPLOYED.items():
        environment = {name: told.replace(reference, value) for name, told in environment.items()}
    settings = load_settings(environ=environment)
    assert settings.transports == tuple(environment["SWITCHBOARD_TRANSPORTS"].split(","))
    assert (settings.turn is not None) == ("webrtc" in settings.transports)
    assert (settings.daily is not None) == ("daily" in settings.transports)
    assert settings.memory == ("memory.enabled" in overrides)


def test_the_function_has_an_operation_for_every_route(synthesize: Synthesize, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Switchboard")  # which Powertools reads when this is loaded
    from connect.handler import ROUTES

    template = synthesize("dev", **VARIANTS["all transports"]).templates["connect"]
    routes = resources(template, "AWS::ApiGatewayV2::Route").values()
    assert {route["Properties"]["RouteKey"] for route in routes} == {
        f"{method} {path}" for path, methods in ROUTES.items() for method in methods
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
        f"{api}/*/*/sessions/{{session_id}}/url",
        f"{api}/*/*/sessions/{{session_id}}/api/offer",
        f"{api}/*/*/sessions/{{session_id}}/api/ice-servers",
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
    closed = only(synthesize("dev", **VARIANTS["no page"]).templates["connect"], "AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in closed
    origins = "https://voice.example.com,http://localhost:7860"
    opened = only(
        synthesize("dev", **{"connect.allowed_origins": origins}).templates["connect"], "AWS::ApiGatewayV2::Api"
    )
    assert readable(opened["CorsConfiguration"]) == {
        "AllowOrigins": ["https://voice.example.com", "http://localhost:7860", PAGE_URL],
        "AllowMethods": ["POST", "PATCH", "DELETE"],
        "AllowHeaders": ["authorization", "content-type"],
        "ExposeHeaders": ["switchboard-session-id"],
        "MaxAge": 3600,
    }


@pytest.mark.parametrize(
    ("overrides", "origins"),
    [
        ({}, [PAGE_URL]),
        (VARIANTS["own name"], ["https://talk.example.com"]),
        ({**VARIANTS["own name"], "connect.allowed_origins": "https://talk.example.com"}, ["https://talk.example.com"]),
        ({"connect.allowed_origins": "*"}, ["*"]),
    ],
)
def test_the_page_may_call_the_api(synthesize: Synthesize, overrides: Mapping[str, str], origins: list[str]) -> None:
    api = only(synthesize("dev", **overrides).templates["connect"], "AWS::ApiGatewayV2::Api")
    assert readable(api["CorsConfiguration"]["AllowOrigins"]) == origins


@pytest.mark.parametrize(("name", "url"), [("dev", PAGE_URL), ("own name", "https://talk.example.com")])
def test_the_page_signs_in_by_code_and_comes_back_to_itself(synthesize: Synthesize, name: str, url: str) -> None:
    template = synthesize("dev", **VARIANTS.get(name, {})).templates["connect"]
    client = _client(template, "CallersPoolUserPoolPage")
    assert client["GenerateSecret"] is False
    assert (client["AllowedOAuthFlowsUserPoolClient"], client["AllowedOAuthFlows"]) == (True, ["code"])
    assert client["AllowedOAuthScopes"] == ["openid", "aws.cognito.signin.user.admin"]
    assert (client["CallbackURLs"], client["LogoutURLs"]) == ([f"{url}/"], [f"{url}/"])
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert (client["AccessTokenValidity"], client["RefreshTokenValidity"]) == (60, 480)
    assert client["TokenValidityUnits"] == {"AccessToken": "minutes", "RefreshToken": "minutes"}
    assert client["EnableTokenRevocation"] is True
    outputs = readable(template["Outputs"])
    assert outputs["PageClientId"]["Value"] == "<CallersPoolUserPoolPage>"
    sign_in_url = "https://<CallersPoolUserPoolDomain>.auth.us-east-1.amazoncognito.com"
    assert outputs["SignInUrl"]["Value"] == sign_in_url


@pytest.mark.parametrize(
    ("overrides", "prefix"),
    [({}, "switchboard-dev-<AWS::AccountId>"), ({"web.sign_in_domain_prefix": "talk-to-us"}, "talk-to-us")],
)
def test_the_sign_in_domain_is_of_this_account(
    synthesize: Synthesize, overrides: Mapping[str, str], prefix: str
) -> None:
    domain = only(synthesize("dev", **overrides).templates["connect"], "AWS::Cognito::UserPoolDomain")
    assert readable(domain["Domain"]) == prefix


@pytest.mark.parametrize("name", ["no page", "own issuer", "no authorizer"])
def test_there_is_nothing_to_sign_in_with_where_no_page_needs_it(synthesize: Synthesize, name: str) -> None:
    template = synthesize("dev", **VARIANTS[name]).templates["connect"]
    assert not resources(template, "AWS::Cognito::UserPoolDomain")
    assert len(resources(template, "AWS::Cognito::UserPoolClient")) == (1 if name == "no page" else 0)
    assert {"PageClientId", "SignInUrl"}.isdisjoint(template["Outputs"])


def _client(template: Json, name: str) -> Json:
    """The properties of an app client."""
    clients = resources(template, "AWS::Cognito::UserPoolClient").items()
    (client,) = (readable(found["Properties"]) for logical_id, found in clients if logical_id.startswith(name))
    properties: Json = client
    return properties


def _environment(template: Json) -> Json:
    variables: Json = readable(only(template, "AWS::Lambda::Function")["Environment"]["Variables"])
    return variables
