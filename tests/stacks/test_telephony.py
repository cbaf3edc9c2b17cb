"""The telephony stack: who may ask and call, what the function may do and is told, and the relay that Twilio needs."""

import json
from collections.abc import Mapping
from typing import get_args

import pytest

from relay.settings import load_settings as load_relay_settings
from stacks.components.carrier_secrets import FORMS
from stacks.components.telephony_environment import telephony_environment
from stacks.configuration.values import Carrier
from stacks.parameters import Parameters
from telephony.carriers import load
from telephony.settings import API_URLS, load_settings
from tests.stacks.synthesis import (
    ENVIRONMENTS,
    RELAY_CERTIFICATE,
    TELEPHONY,
    Json,
    Synthesize,
    listed,
    only,
    readable,
    resources,
)

CARRIERS: tuple[str, ...] = get_args(Carrier)
# The variants that have no other choice than a carrier.
ALONE = {name: name.lower() for name in ("Twilio", "Vonage", "Telnyx", "Plivo", "Daily")}
# Those who stream; Daily has rooms, of whose API and account the telephony stack has nothing of its own.
STREAMING = tuple(API_URLS)
WITH_A_RELAY = [name for name, overrides in TELEPHONY.items() if "twilio" in overrides["telephony.carriers"]]
RUNTIME_ARN = "<switchboard-dev-agent!PublishOutputFnGetAttRuntimeAgentRuntimeArn>"
API_ID = "<switchboard-dev-connect!PublishOutputRefApiHttpApi>"
API_URL = "<switchboard-dev-connect!PublishOutputFnGetAttApiHttpApiApiEndpoint>"
SESSION_KEY = "<switchboard-dev-connect!PublishOutputRefSessionKey>"
DAILY_SECRET = "<switchboard-dev-connect!PublishOutputRefDailySecret>"
USER_POOL = "<switchboard-dev-connect!PublishOutputRefCallersPoolUserPool>"
ISSUER = "<switchboard-dev-connect!PublishOutputFnGetAttCallersPoolUserPoolProviderURL>"
DOMAIN = "<switchboard-dev-connect!PublishOutputRefCallersPoolUserPoolDomain>"
VPC = "<switchboard-dev-network!PublishOutputRefAgentVpc>"
ANYWHERE = "0.0.0.0/0"
SESSIONS = [RUNTIME_ARN, f"{RUNTIME_ARN}/runtime-endpoint/live"]
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ENVIRONMENT_BYTES = 4_096
# What AWS puts in the place of references; the account's number is the longest that there is.
DEPLOYED = {
    "<AWS::AccountId>": "123456789012",
    "<CallTable>": "switchboard-dev-telephony-CallTable51C054B6-0123456789AB",
    RUNTIME_ARN: "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/switchboard_dev-0123456789",
    API_URL: "https://0123456789.execute-api.us-east-1.amazonaws.com",
    **{
        f"<{name}>": f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-0123456789AB-AbC123"
        for name in ("RelayKey", *(f"Secrets{carrier.capitalize()}" for carrier in STREAMING))
    },
    DAILY_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:DailySecret291C5AF2-0123456789AB-AbC123",
    SESSION_KEY: "arn:aws:secretsmanager:us-east-1:123456789012:secret:SessionKey0FE01E29-0123456789AB-AbC123",
}


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "local"])
def test_there_is_no_such_stack_without_a_carrier(synthesize: Synthesize, environment: str) -> None:
    assert "telephony" not in synthesize(environment).templates


class TestRoutes:
    @pytest.mark.parametrize("name", ALONE)
    def test_a_carriers_webhooks_come_with_it(self, synthesize: Synthesize, name: str) -> None:
        routes = _routes(synthesize("dev", **TELEPHONY[name]).templates["telephony"])
        kinds = ("answer",) if name == "Daily" else ("answer", "consent", "next", "events", "machine")
        assert set(routes) == {f"POST /telephony/{ALONE[name]}/{kind}" for kind in kinds}
        # Carriers have no token; their signatures are the function's to check.
        assert {route["AuthorizationType"] for route in routes.values()} == {"NONE"}

    def test_they_are_routes_of_the_connect_api_to_one_function(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]
        integration = readable(only(template, "AWS::ApiGatewayV2::Integration"))
        assert integration == {
            "ApiId": API_ID,
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": "<TelephonyFunction.Arn>",
            "PayloadFormatVersion": "2.0",
        }
        routes = _routes(template)
        assert len(routes) == 4 * 5 + 3
        assert {route["ApiId"] for route in routes.values()} == {API_ID}
        (integration_id,) = resources(template, "AWS::ApiGatewayV2::Integration")
        targets = {json.dumps(route["Properties"]["Target"]) for route in _raw_routes(template)}
        assert targets == {json.dumps({"Fn::Join": ["", ["integrations/", {"Ref": integration_id}]]})}
        permission = readable(only(template, "AWS::Lambda::Permission"))
        assert (permission["Principal"], permission["FunctionName"]) == (
            "apigateway.amazonaws.com",
            "<TelephonyFunction.Arn>",
        )
        assert permission["SourceArn"] == f"arn:aws:execute-api:us-east-1:<AWS::AccountId>:{API_ID}/*/*/*"

    def test_the_api_itself_knows_nothing_of_them(self, synthesize: Synthesize) -> None:
        plain, with_calls = (
            synthesize("dev", **overrides).templates["connect"] for overrides in ({}, TELEPHONY["all carriers"])
        )
        assert with_calls["Resources"] == plain["Resources"]

    @pytest.mark.parametrize("name", [*ALONE, "all carriers"])
    def test_the_function_has_an_operation_for_every_route(
        self, synthesize: Synthesize, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Switchboard")  # which Powertools reads when this is loaded
        from telephony.handler import ROUTES
        from telephony.incoming import webhook_route

        routes = set(_routes(synthesize("dev", **TELEPHONY[name]).templates["telephony"]))
        operations = {f"{method} {path}" for path, methods in ROUTES.items() for method in methods}
        calls = {route for route in routes if webhook_route(route_key=route) is None}
        assert calls == (operations if name == "all carriers" else set())


class TestPlacingCalls:
    ROUTES = ("POST /calls", "GET /calls/{call_id}", "DELETE /calls/{call_id}")

    def test_it_takes_a_token_with_a_scope_of_its_own(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]
        assert readable(only(template, "AWS::ApiGatewayV2::Authorizer")) == {
            "ApiId": API_ID,
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Audience": ["<CallsClient>"], "Issuer": ISSUER},
            "Name": "Calls",
        }
        routes = _routes(template)
        for route in self.ROUTES:
            assert routes[route]["AuthorizationType"] == "JWT"
            assert routes[route]["AuthorizerId"] == "<RoutesApiCalls>"
            assert routes[route]["AuthorizationScopes"] == ["switchboard/calls"]
        assert _told(template)["SWITCHBOARD_CALLS_SCOPE"] == "switchboard/calls"

    def test_programs_get_that_token_and_no_other(self, synthesize: Synthesize) -> None:
        deployment = synthesize("dev", **TELEPHONY["all carriers"])
        template = deployment.templates["telephony"]
        server = readable(only(template, "AWS::Cognito::UserPoolResourceServer"))
        assert (server["Identifier"], server["UserPoolId"]) == ("switchboard", USER_POOL)
        assert [scope["ScopeName"] for scope in server["Scopes"]] == ["calls"]
        client = readable(only(template, "AWS::Cognito::UserPoolClient"))
        assert client["UserPoolId"] == USER_POOL
        assert (client["GenerateSecret"], client["AllowedOAuthFlows"]) == (True, ["client_credentials"])
        assert client["AllowedOAuthScopes"] == ["<CallsResourceServer>/calls"]
        assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
        assert (client["AccessTokenValidity"], client["TokenValidityUnits"]["AccessToken"]) == (60, "minutes")
        for page in resources(deployment.templates["connect"], "AWS::Cognito::UserPoolClient").values():
            assert "switchboard" not in str(page["Properties"].get("AllowedOAuthScopes"))
        outputs = readable(template["Outputs"])
        assert outputs["CallsClientId"]["Value"] == "<CallsClient>"
        token_url = f"https://{DOMAIN}.auth.us-east-1.amazoncognito.com/oauth2/token"
        assert outputs["CallsTokenUrl"]["Value"] == token_url

    def test_another_issuer_has_a_scope_of_its_own_too(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["calls by own issuer"]).templates["telephony"]
        assert only(template, "AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"] == {
            "Audience": ["page", "phone"],
            "Issuer": "https://login.example.com/voice",
        }
        routes = _routes(template)
        assert {str(routes[route]["AuthorizationScopes"]) for route in self.ROUTES} == {"['calls:write']"}
        assert _told(template)["SWITCHBOARD_CALLS_SCOPE"] == "calls:write"
        assert not resources(template, "AWS::Cognito::UserPoolClient")
        assert {"CallsClientId", "CallsTokenUrl"}.isdisjoint(template["Outputs"])

    def test_programs_have_a_domain_without_a_page(self, synthesize: Synthesize) -> None:
        deployment = synthesize("dev", **TELEPHONY["calls without a page"])
        connect = deployment.templates["connect"]
        domain = readable(only(connect, "AWS::Cognito::UserPoolDomain"))
        assert domain["Domain"] == "switchboard-dev-<AWS::AccountId>"
        assert {"PageClientId", "SignInUrl"}.isdisjoint(connect["Outputs"])
        assert DOMAIN in readable(deployment.templates["telephony"]["Outputs"]["CallsTokenUrl"]["Value"])

    @pytest.mark.parametrize("name", ALONE)
    def test_no_call_goes_out_without_a_number(self, synthesize: Synthesize, name: str) -> None:
        deployment = synthesize("dev", **TELEPHONY[name])
        template = deployment.templates["telephony"]
        assert not any("/calls" in route for route in _routes(template))
        for resource_type in ("ApiGatewayV2::Authorizer", "Cognito::UserPoolClient", "Cognito::UserPoolResourceServer"):
            assert not resources(template, f"AWS::{resource_type}")


class TestFunction:
    @pytest.mark.parametrize("name", TELEPHONY)
    def test_it_may_use_one_runtime_the_keys_and_one_table(self, synthesize: Synthesize, name: str) -> None:
        overrides = TELEPHONY[name]
        carriers = overrides["telephony.carriers"].split(",")
        template = synthesize("dev", **overrides).templates["telephony"]
        policy = readable(_resource(template, "AWS::IAM::Policy", "TelephonyRoleDefaultPolicy"))
        log, sessions, secrets, table, *rooms = policy["PolicyDocument"]["Statement"]
        assert {statement["Effect"] for statement in (log, sessions, secrets, table)} == {"Allow"}
        assert (log["Action"], log["Resource"]) == (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            "<TelephonyLogGroup.Arn>",
        )
        # Twilio's streams go through the relay, which signs for itself; Daily's calls come into rooms.
        signed = (
            [] if carriers in (["twilio"], ["daily"]) else ["bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream"]
        )
        asked = "bedrock-agentcore:InvokeAgentRuntime"
        assert sessions["Action"] == [asked, *signed, "bedrock-agentcore:StopRuntimeSession"]
        assert sessions["Resource"] == SESSIONS
        assert secrets["Action"] == "secretsmanager:GetSecretValue"
        streaming = [carrier for carrier in carriers if carrier in STREAMING]
        keys = {SESSION_KEY, *(f"<Secrets{carrier.capitalize()}>" for carrier in streaming)}
        assert set(listed(secrets["Resource"])) == keys | ({"<RelayKey>"} if "twilio" in carriers else set())
        assert [(key["Sid"], key["Action"], key["Resource"]) for key in rooms] == (
            [("DailyKey", "secretsmanager:GetSecretValue", DAILY_SECRET)] if "daily" in carriers else []
        )
        table_actions = [f"dynamodb:{action}Item" for action in ("Delete", "Get", "Put", "Update")]
        assert (table["Action"], table["Resource"]) == (table_actions, "<CallTable.Arn>")
        assert policy["Roles"] == ["<TelephonyRole>"]
        role = readable(_resource(template, "AWS::IAM::Role", "TelephonyRole"))
        assert {"Policies", "ManagedPolicyArns"}.isdisjoint(role)

    def test_it_is_what_lambda_needs(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Plivo"]).templates["telephony"]
        function = readable(only(template, "AWS::Lambda::Function"))
        assert (function["Architectures"], function["Runtime"]) == (["arm64"], "python3.13")
        assert function["Handler"] == "telephony.handler.handler"
        assert (function["MemorySize"], function["Timeout"]) == (512, 29)
        assert function["Layers"] == ["<TelephonyDependencies>"]
        assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "<TelephonyLogGroup>"}
        assert "ReservedConcurrentExecutions" not in function
        layer = only(template, "AWS::Lambda::LayerVersion")
        assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.13"], ["arm64"])

    def test_it_is_told_the_choices_and_no_secret(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]
        assert _told(template) == {
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
            "POWERTOOLS_SERVICE_NAME": "telephony",
            "SWITCHBOARD_ALLOWED_COUNTRIES": "US,GB",
            "SWITCHBOARD_ANNOUNCEMENT": "Hello.",
            "SWITCHBOARD_AUTHORIZER": "cognito",
            "SWITCHBOARD_CALLS_PER_MINUTE": "10",
            "SWITCHBOARD_CALLS_PER_MINUTE_PER_CALLER": "3",
            "SWITCHBOARD_CALLS_SCOPE": "switchboard/calls",
            "SWITCHBOARD_CALL_TABLE_NAME": "<CallTable>",
            "SWITCHBOARD_CARRIERS": "vonage,twilio,telnyx,plivo",
            "SWITCHBOARD_ENDPOINT_NAME": "live",
            "SWITCHBOARD_LANGUAGE": "en-US",
            "SWITCHBOARD_MACHINE_DETECTION": "on",
            "SWITCHBOARD_MAX_CALL_SECONDS": "3600",
            "SWITCHBOARD_PLIVO_SECRET_ARN": "<SecretsPlivo>",
            "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
            "SWITCHBOARD_PUBLIC_URL": API_URL,
            "SWITCHBOARD_QUIET_HOURS": "21:00-08:00",
            "SWITCHBOARD_RECORDING": "consent",
            "SWITCHBOARD_RECORDING_SENTENCE": "Press 1 if we may record.",
            "SWITCHBOARD_RELAY_KEY_SECRET_ARN": "<RelayKey>",
            "SWITCHBOARD_RELAY_URL": "wss://relay.example.com",
            "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
            "SWITCHBOARD_SESSION_KEY_SECRET_ARN": SESSION_KEY,
            "SWITCHBOARD_TELNYX_SECRET_ARN": "<SecretsTelnyx>",
            "SWITCHBOARD_TRANSFER_TO": "sip:desk@pbx.example.com",
            "SWITCHBOARD_TWILIO_NUMBER": "+12025550101",
            "SWITCHBOARD_TWILIO_SECRET_ARN": "<SecretsTwilio>",
            "SWITCHBOARD_VONAGE_NUMBER": "+442079460102",
            "SWITCHBOARD_VONAGE_SECRET_ARN": "<SecretsVonage>",
        }

    @pytest.mark.parametrize("name", TELEPHONY)
    def test_it_understands_what_it_is_told(self, synthesize: Synthesize, name: str) -> None:
        deployment = synthesize("dev", **TELEPHONY[name])
        telephony = deployment.parameters.telephony
        environment = _filled_in(_told(deployment.templates["telephony"]))
        settings = load_settings(environ={"AWS_REGION": "us-east-1", **environment})
        assert settings.carriers == telephony.carriers
        assert settings.numbers == telephony.numbers
        assert settings.allowed_countries == telephony.allowed_countries
        assert settings.transfer_to == (telephony.transfer_to or "")
        assert settings.machine_detection == telephony.machine_detection
        assert (settings.relay is not None) == ("twilio" in telephony.carriers)
        assert settings.public_url == DEPLOYED[API_URL]

    @pytest.mark.parametrize("carrier", STREAMING)
    def test_a_carriers_api_can_be_elsewhere(self, synthesize: Synthesize, carrier: str) -> None:
        name = carrier.capitalize()
        plain = synthesize("dev", **TELEPHONY[name]).templates["telephony"]
        elsewhere = {**TELEPHONY[name], f"telephony.{carrier}_api_url": "https://api.eu.example.com"}
        told = _told(synthesize("dev", **elsewhere).templates["telephony"])
        assert set(told) - set(_told(plain)) == {f"{carrier.upper()}_API_URL"}
        settings = load_settings(environ={"AWS_REGION": "us-east-1", **_filled_in(told)})
        assert settings.api_url(carrier) == "https://api.eu.example.com"

    @pytest.mark.parametrize("carrier", STREAMING)
    def test_the_parameters_name_the_host_that_a_carrier_has_without_them(self, carrier: str) -> None:
        description = type(Parameters().telephony).model_fields[f"{carrier}_api_url"].description
        assert description is not None
        assert f"Left out: {API_URLS[carrier]}." in description

    def test_the_longest_environment_fits(self, synthesize: Synthesize) -> None:
        spoken = "電" * 240
        longest = Parameters.model_validate(
            {
                "telephony": {
                    "carriers": STREAMING,
                    **{f"{carrier}_number": "+123456789012345" for carrier in STREAMING},
                    **{f"{carrier}_api_url": f"https://{'a' * 40}.example.com" for carrier in STREAMING},
                    "transfer_to": f"sip:{'d' * 60}@{'p' * 120}.example.com",
                    "announcement": spoken,
                    "recording": "announced",
                    "recording_sentence": spoken,
                    "allowed_countries": ["US", "CA", "GB", "IE", "DE", "AT", "CH", "FR", "NL", "BE", "IT", "ES"],
                    "relay_domain_name": f"{'r' * 60}.{'s' * 60}.example.com",
                    "relay_certificate_arn": RELAY_CERTIFICATE,
                }
            }
        )
        told = _filled_in(_told(synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]))
        told |= telephony_environment(longest, calls_scope="switchboard/calls")
        assert sum(len(name) + len(value.encode()) for name, value in told.items()) < ENVIRONMENT_BYTES


class TestSecretsAndTable:
    @pytest.mark.parametrize("carrier", STREAMING)
    def test_a_secret_has_the_carriers_names_and_fits_no_signature_until_it_is_filled_in(
        self, synthesize: Synthesize, carrier: str
    ) -> None:
        template = synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]
        secret = _resource(template, "AWS::SecretsManager::Secret", f"Secrets{carrier.capitalize()}")
        generated = secret["GenerateSecretString"]
        empty = json.loads(generated["SecretStringTemplate"])
        assert {*empty, generated["GenerateStringKey"]} == set(load(carrier).secret_fields)
        assert set(empty.values()) == {""}
        assert generated["PasswordLength"] == 64
        assert "SecretString" not in secret
        name = f"{carrier.capitalize()}SecretArn"
        assert readable(template["Outputs"][name]["Value"]) == f"<Secrets{carrier.capitalize()}>"

    def test_every_carrier_that_streams_has_a_form(self) -> None:
        assert {*FORMS, "daily"} == set(CARRIERS)

    def test_daily_has_the_secret_that_it_has_without_a_phone(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Daily"]).templates["telephony"]
        assert not resources(template, "AWS::SecretsManager::Secret")
        assert _told(template)["SWITCHBOARD_DAILY_SECRET_ARN"] == DAILY_SECRET
        assert set(template["Outputs"]).isdisjoint({"DailySecretArn", "TwilioSecretArn"})

    def test_the_relays_key_is_made_by_secrets_manager(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        key = _resource(template, "AWS::SecretsManager::Secret", "RelayKey")
        assert key["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}

    def test_the_table_forgets_by_itself_and_is_billed_by_request(self, synthesize: Synthesize) -> None:
        table = only(synthesize("dev", **TELEPHONY["Plivo"]).templates["telephony"], "AWS::DynamoDB::Table")
        assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
        assert table["AttributeDefinitions"] == [{"AttributeName": "pk", "AttributeType": "S"}]
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["SSESpecification"] == {"SSEEnabled": True}


class TestRelay:
    @pytest.mark.parametrize("name", TELEPHONY)
    def test_it_comes_with_twilio_only(self, synthesize: Synthesize, name: str) -> None:
        template = synthesize("dev", **TELEPHONY[name]).templates["telephony"]
        deployed = name in WITH_A_RELAY
        for resource_type in ("ECS::Service", "ElasticLoadBalancingV2::LoadBalancer", "EC2::SecurityGroup"):
            assert bool(resources(template, f"AWS::{resource_type}")) == deployed
        assert ("RelayDomainName" in template["Outputs"]) == deployed
        assert ("SWITCHBOARD_RELAY_URL" in _told(template)) == deployed

    @pytest.mark.parametrize("name", WITH_A_RELAY)
    def test_it_opens_streams_marks_tokens_and_does_nothing_else(self, synthesize: Synthesize, name: str) -> None:
        role = _role(synthesize("dev", **TELEPHONY[name]).templates["telephony"], "RelayTaskRole")
        (policy,) = role["Policies"]
        sessions, key, table = policy["PolicyDocument"]["Statement"]
        assert sessions == {
            "Sid": "Sessions",
            "Effect": "Allow",
            "Action": "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream",
            "Resource": SESSIONS,
        }
        assert key == {
            "Sid": "RelayKey",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "<RelayKey>",
        }
        assert table == {
            "Sid": "UseOnce",
            "Effect": "Allow",
            "Action": "dynamodb:PutItem",
            "Resource": "<CallTable.Arn>",
        }

    @pytest.mark.parametrize(
        ("name", "repository"),
        [
            ("Twilio", "cdk-hnb659fds-container-assets-<AWS::AccountId>-us-east-1"),
            ("relay in ECR", "voice/relay"),
            ("relay from CodeBuild", None),
        ],
    )
    def test_ecs_may_pull_one_image_and_write_one_log(
        self, synthesize: Synthesize, name: str, repository: str | None
    ) -> None:
        template = synthesize("dev", **TELEPHONY[name]).templates["telephony"]
        (policy,) = _role(template, "RelayExecutionRole")["Policies"]
        pull, sign_in, log = policy["PolicyDocument"]["Statement"]
        assert pull["Action"] == [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ]
        if repository:
            assert pull["Resource"] == f"arn:aws:ecr:us-east-1:<AWS::AccountId>:repository/{repository}"
        else:
            assert pull["Resource"] == readable(
                {"Fn::GetAtt": [next(iter(resources(template, "AWS::ECR::Repository"))), "Arn"]}
            )
        assert (sign_in["Action"], sign_in["Resource"]) == ("ecr:GetAuthorizationToken", "*")
        assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert log["Resource"] == "<RelayLogGroup.Arn>"

    @pytest.mark.parametrize("role", ["RelayTaskRole", "RelayExecutionRole"])
    def test_only_tasks_of_this_account_take_on_its_roles(self, synthesize: Synthesize, role: str) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        (statement,) = _role(template, role)["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
            "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:<AWS::AccountId>:*"},
        }
        assert "ManagedPolicyArns" not in _role(template, role)

    def test_its_container_has_a_core_and_writes_nothing_but_its_log(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        task = readable(only(template, "AWS::ECS::TaskDefinition"))
        assert (task["Cpu"], task["Memory"], task["NetworkMode"]) == ("1024", "2048", "awsvpc")
        assert task["RuntimePlatform"] == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
        assert (task["TaskRoleArn"], task["ExecutionRoleArn"]) == ("<RelayTaskRole.Arn>", "<RelayExecutionRole.Arn>")
        (container,) = task["ContainerDefinitions"]
        assert container["ReadonlyRootFilesystem"] is True
        assert {"Privileged", "Secrets", "LinuxParameters", "Command", "EntryPoint"}.isdisjoint(container)
        assert container["StopTimeout"] == 120
        assert container["PortMappings"] == [{"ContainerPort": 8080, "Protocol": "tcp"}]
        assert container["Ulimits"] == [{"Name": "nofile", "SoftLimit": 65536, "HardLimit": 65536}]
        assert container["LogConfiguration"]["LogDriver"] == "awslogs"
        assert container["LogConfiguration"]["Options"]["awslogs-group"] == "<RelayLogGroup>"

    def test_it_understands_what_it_is_told(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        (container,) = readable(only(template, "AWS::ECS::TaskDefinition"))["ContainerDefinitions"]
        told = {variable["Name"]: variable["Value"] for variable in container["Environment"]}
        assert told.pop("SWITCHBOARD_METRICS_SERVICE") == "switchboard-dev-relay"
        settings = load_relay_settings(environ=_filled_in(told))
        assert (settings.region, settings.port, settings.max_streams) == ("us-east-1", 8080, 300)
        assert (settings.endpoint_name, settings.table_name) == ("live", DEPLOYED["<CallTable>"])
        assert settings.runtime_arn == DEPLOYED[RUNTIME_ARN]

    @pytest.mark.parametrize(
        ("name", "image"),
        [
            ("Twilio", "dkr.ecr.us-east-1.<AWS::URLSuffix>/cdk-hnb659fds-container-assets-<AWS::AccountId>-us-east-1:"),
            ("relay in ECR", f"voice/relay@sha256:{'0b' * 32}"),
            ("relay from CodeBuild", "<RelayImageCodeBuildRepository>:<RelayImageCodeBuild.ImageTag>"),
        ],
    )
    def test_its_image_is_made_as_the_agents(self, synthesize: Synthesize, name: str, image: str) -> None:
        template = synthesize("dev", **TELEPHONY[name]).templates["telephony"]
        (container,) = readable(only(template, "AWS::ECS::TaskDefinition"))["ContainerDefinitions"]
        assert image in container["Image"]

    def test_a_release_cuts_no_call(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        service = readable(only(template, "AWS::ECS::Service"))
        assert service["DeploymentConfiguration"] == {
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
            "MinimumHealthyPercent": 100,
            "MaximumPercent": 200,
        }
        # A number of tasks in the template would undo the scaling with every deployment.
        assert "DesiredCount" not in service

    @pytest.mark.parametrize(("longest_call", "delay"), [({}, "3600"), ({"telephony.max_call_seconds": "900"}, "900")])
    def test_a_task_that_goes_keeps_its_calls_to_the_end(
        self, synthesize: Synthesize, longest_call: Mapping[str, str], delay: str
    ) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"], **longest_call).templates["telephony"]
        group = only(template, "AWS::ElasticLoadBalancingV2::TargetGroup")
        attributes = _attributes(group["TargetGroupAttributes"])
        assert attributes["deregistration_delay.timeout_seconds"] == delay

    def test_it_is_in_private_subnets_behind_the_load_balancer(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        service = readable(only(template, "AWS::ECS::Service"))
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
        assert [subnet.partition("PrivateSubnet")[1] for subnet in network["Subnets"]] == ["PrivateSubnet"] * 2
        assert network["SecurityGroups"] == ["<RelayTasksSecurityGroup.GroupId>"]
        group = _resource(template, "AWS::EC2::SecurityGroup", "RelayTasksSecurityGroup")
        assert readable(group["VpcId"]) == VPC
        assert "SecurityGroupIngress" not in group
        assert [_rule(rule) for rule in group["SecurityGroupEgress"]] == [("tcp", 443, 443, ANYWHERE)]
        ingress = readable(only(template, "AWS::EC2::SecurityGroupIngress"))
        assert (ingress["FromPort"], ingress["ToPort"]) == (8080, 8080)
        assert ingress["GroupId"] == "<RelayTasksSecurityGroup.GroupId>"
        assert ingress["SourceSecurityGroupId"] == "<RelayPublicSecurityGroup.GroupId>"

    def test_its_load_balancer_takes_modern_tls_and_nothing_else(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        listener = only(template, "AWS::ElasticLoadBalancingV2::Listener")
        assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
        assert listener["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
        assert listener["Certificates"] == [{"CertificateArn": RELAY_CERTIFICATE}]
        balancer = readable(only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer"))
        assert (balancer["Scheme"], balancer["Type"]) == ("internet-facing", "application")
        assert [subnet.partition("PublicSubnet")[1] for subnet in balancer["Subnets"]] == ["PublicSubnet"] * 2
        attributes = _attributes(balancer["LoadBalancerAttributes"])
        assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
        assert int(attributes["idle_timeout.timeout_seconds"]) >= 120
        group = _resource(template, "AWS::EC2::SecurityGroup", "RelayPublicSecurityGroup")
        assert [_rule(rule) for rule in group["SecurityGroupIngress"]] == [("tcp", 443, 443, ANYWHERE)]
        assert "SecurityGroupEgress" not in group
        egress = readable(only(template, "AWS::EC2::SecurityGroupEgress"))
        assert (egress["FromPort"], egress["ToPort"]) == (8080, 8080)
        assert egress["DestinationSecurityGroupId"] == "<RelayTasksSecurityGroup.GroupId>"

    def test_streams_go_to_the_emptiest_healthy_task(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        group = only(template, "AWS::ElasticLoadBalancingV2::TargetGroup")
        assert (group["Port"], group["Protocol"], group["TargetType"]) == (8080, "HTTP", "ip")
        assert group["HealthCheckPath"] == "/health"
        assert _attributes(group["TargetGroupAttributes"])["load_balancing.algorithm.type"] == (
            "least_outstanding_requests"
        )

    def test_the_number_of_tasks_follows_the_open_streams(self, synthesize: Synthesize) -> None:
        overrides = {
            **TELEPHONY["Twilio"],
            "telephony.relay_min_tasks": "3",
            "telephony.relay_max_tasks": "7",
            "telephony.relay_streams_per_task": "250",
        }
        template = synthesize("dev", **overrides).templates["telephony"]
        target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 7)
        policy = only(template, "AWS::ApplicationAutoScaling::ScalingPolicy")[
            "TargetTrackingScalingPolicyConfiguration"
        ]
        assert policy["CustomizedMetricSpecification"] == {
            "Namespace": "Switchboard",
            "MetricName": "OpenStreams",
            "Dimensions": [{"Name": "Service", "Value": "switchboard-dev-relay"}],
            "Statistic": "Average",
        }
        assert policy["TargetValue"] == 250
        assert policy["ScaleInCooldown"] > 5 * policy["ScaleOutCooldown"]

    def test_an_existing_vpcs_own_subnets_are_used(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["relay in an existing VPC"]).templates["telephony"]
        balancer = only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        assert balancer["Subnets"] == ["subnet-0cccccccccccccccc", "subnet-0dddddddddddddddd"]
        service = only(template, "AWS::ECS::Service")
        private = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
        assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] == private

    def test_its_name_leads_to_the_load_balancer(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]
        record = readable(only(template, "AWS::Route53::RecordSet"))
        assert (record["Name"], record["Type"]) == ("relay.example.com", "A")
        assert record["HostedZoneId"] == "Z0123456789ABCDEFGHIJ"
        assert record["AliasTarget"] == {
            "DNSName": "<RelayPublicLoadBalancer.DNSName>",
            "EvaluateTargetHealth": False,
            "HostedZoneId": "<RelayPublicLoadBalancer.CanonicalHostedZoneID>",
        }

    def test_whoever_keeps_the_zone_elsewhere_is_told_what_to_make(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["Twilio"]).templates["telephony"]
        assert not resources(template, "AWS::Route53::RecordSet")
        outputs = readable(template["Outputs"])
        assert outputs["RelayDomainName"]["Value"] == "relay.example.com"
        assert outputs["RelayLoadBalancerName"]["Value"] == "<RelayPublicLoadBalancer.DNSName>"

    def test_interface_endpoints_let_it_in(self, synthesize: Synthesize) -> None:
        template = synthesize("dev", **TELEPHONY["all carriers"]).templates["telephony"]
        rules = [
            readable(found["Properties"]) for found in resources(template, "AWS::EC2::SecurityGroupIngress").values()
        ]
        (admitted,) = [rule for rule in rules if rule["FromPort"] == 443]
        endpoints = "<switchboard-dev-network!PublishOutputFnGetAttInterfaceEndpointsSecurityGroupGroupId>"
        assert admitted["GroupId"] == endpoints
        assert admitted["SourceSecurityGroupId"] == "<RelayTasksSecurityGroup.GroupId>"

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_production_has_two_zones_and_is_not_deleted_by_mistake(
        self, synthesize: Synthesize, environment: str
    ) -> None:
        overrides = {} if environment == "local" else TELEPHONY["Twilio"]
        deployment = synthesize(environment, **overrides)
        template, operations = deployment.templates["telephony"], deployment.parameters.operations
        target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["MinCapacity"] == (2 if environment == "prod" else 1)
        balancer = only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        protected = _attributes(balancer["LoadBalancerAttributes"])["deletion_protection.enabled"]
        assert protected == ("true" if operations.removal == "retain" else "false")
        assert len(only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]) >= 2


def _raw_routes(template: Json) -> list[Json]:
    return list(resources(template, "AWS::ApiGatewayV2::Route").values())


def _routes(template: Json) -> dict[str, Json]:
    """The properties of each route by its key."""
    routes = [readable(route["Properties"]) for route in _raw_routes(template)]
    return {route["RouteKey"]: route for route in routes}


def _told(template: Json) -> Json:
    """The function's variables. A deployment from CodeBuild has a function of its own, without any."""
    function = _resource(template, "AWS::Lambda::Function", "TelephonyFunction")
    variables: Json = readable(function["Environment"]["Variables"])
    return variables


def _filled_in(told: Mapping[str, str]) -> dict[str, str]:
    filled = dict(told)
    for reference, value in DEPLOYED.items():
        filled = {name: text.replace(reference, value) for name, text in filled.items()}
    return filled


def _resource(template: Json, resource_type: str, name: str) -> Json:
    """The properties of a resource by its logical id without CDK's hash."""
    (properties,) = (
        found["Properties"]
        for logical_id, found in resources(template, resource_type).items()
        if readable({"Ref": logical_id}) == f"<{name}>"
    )
    typed: Json = properties
    return typed


def _role(template: Json, name: str) -> Json:
    role: Json = readable(_resource(template, "AWS::IAM::Role", name))
    return role


def _attributes(attributes: list[Json]) -> dict[str, str]:
    return {attribute["Key"]: attribute["Value"] for attribute in attributes}


def _rule(rule: Json) -> tuple[str, int, int, str]:
    return rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIp"]
