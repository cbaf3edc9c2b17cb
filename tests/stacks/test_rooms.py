"""The rooms stack: what the function that ends rooms may do, how it is asked, and who hears of a refused key."""

import json
from collections.abc import Mapping

import pytest

from rooms.settings import load_settings
from stacks.components.daily_key_alarm import METRIC, NAMESPACE
from tests.stacks.synthesis import (
    ALARM_TOPIC,
    DEPLOYMENTS,
    TELEPHONY,
    VARIANTS,
    Json,
    Synthesize,
    only,
    readable,
    resources,
)

RUNTIME_ARN = "<switchboard-dev-agent!PublishOutputFnGetAttRuntimeAgentRuntimeArn>"
DAILY_SECRET = "<switchboard-dev-connect!PublishOutputRefDailySecret>"
TABLE = "<switchboard-dev-telephony!PublishOutputRefCallTable>"
OWN_STATEMENTS = [
    {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "<RoomsLogGroup.Arn>",
    },
    {
        "Sid": "Sessions",
        "Effect": "Allow",
        "Action": "bedrock-agentcore:StopRuntimeSession",
        "Resource": [RUNTIME_ARN, f"{RUNTIME_ARN}/runtime-endpoint/live"],
    },
    {"Sid": "DailyKey", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": DAILY_SECRET},
]
CALL_TABLE = {
    "Sid": "CallTable",
    "Effect": "Allow",
    "Action": "dynamodb:UpdateItem",
    "Resource": "<switchboard-dev-telephony!PublishOutputFnGetAttCallTableArn>",
}
# What AWS puts in the place of references.
DEPLOYED = {
    RUNTIME_ARN: "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/switchboard_dev-0123456789",
    DAILY_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:DailySecret-AbC123",
    TABLE: "switchboard-dev-telephony-CallTable51C054B6-0123456789AB",
}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_stack_is_there_with_rooms_only(synthesize: Synthesize, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    deployment = synthesize(environment, **overrides)
    assert ("rooms" in deployment.templates) == ("daily" in deployment.parameters.transports)
    assert ("DailySecretArn" in deployment.templates["connect"]["Outputs"]) == ("rooms" in deployment.templates)


@pytest.mark.parametrize(
    ("overrides", "more"),
    [({"transports": "websocket,daily"}, []), (TELEPHONY["Daily"], [CALL_TABLE])],
)
def test_the_function_ends_sessions_and_rooms_and_writes_down_calls_that_are_dailys(
    synthesize: Synthesize, overrides: Mapping[str, str], more: list[Json]
) -> None:
    policy = readable(only(synthesize("dev", **overrides).templates["rooms"], "AWS::IAM::Policy"))
    assert policy["PolicyDocument"]["Statement"] == [*OWN_STATEMENTS, *more]
    assert "*" not in str(policy)


def test_no_table_is_told_of_where_other_carriers_alone_have_calls(synthesize: Synthesize) -> None:
    overrides = {**TELEPHONY["Plivo"], "transports": "websocket,daily"}
    template = synthesize("dev", **overrides).templates["rooms"]
    assert "SWITCHBOARD_CALL_TABLE_NAME" not in _told(template)
    assert readable(only(template, "AWS::IAM::Policy"))["PolicyDocument"]["Statement"] == OWN_STATEMENTS


def test_the_function_is_told_the_choices_and_understands_them(synthesize: Synthesize) -> None:
    told = _told(synthesize("dev", **TELEPHONY["Daily"]).templates["rooms"])
    assert told == {
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
        "POWERTOOLS_SERVICE_NAME": "rooms",
        "SWITCHBOARD_CALL_TABLE_NAME": TABLE,
        "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "4",
        "SWITCHBOARD_DAILY_RECORDING": "off",
        "SWITCHBOARD_DAILY_ROOM_PREFIX": "switchboard-dev",
        "SWITCHBOARD_DAILY_SECRET_ARN": DAILY_SECRET,
        "SWITCHBOARD_DAILY_SESSION_SECONDS": "3600",
        "SWITCHBOARD_ENDPOINT_NAME": "live",
        "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
    }
    environment = {name: DEPLOYED.get(value, value) for name, value in told.items()}
    settings = load_settings(environ={"AWS_REGION": "us-east-1", **environment})
    assert settings.call_table_name == DEPLOYED[TABLE]
    assert settings.daily.room_prefix == "switchboard-dev"


def test_the_agent_calls_the_function_by_its_name(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **TELEPHONY["Daily"])
    function = readable(only(deployment.templates["rooms"], "AWS::Lambda::Function"))
    runtime = only(deployment.templates["agent"], "AWS::BedrockAgentCore::Runtime")
    assert function["FunctionName"] == runtime["EnvironmentVariables"]["SWITCHBOARD_ROOMS_FUNCTION"]
    assert (function["Handler"], function["Runtime"]) == ("rooms.handler.handler", "python3.13")
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "<RoomsLogGroup>"}


def test_an_event_is_tried_three_times_and_forgotten_within_minutes(synthesize: Synthesize) -> None:
    template = synthesize("dev", **TELEPHONY["Daily"]).templates["rooms"]
    assert readable(only(template, "AWS::Lambda::EventInvokeConfig")) == {
        "FunctionName": "<RoomsFunction>",
        "Qualifier": "$LATEST",
        "MaximumEventAgeInSeconds": 300,
        "MaximumRetryAttempts": 2,
    }


def test_a_sweep_is_asked_for_every_minute(synthesize: Synthesize) -> None:
    template = synthesize("dev", **TELEPHONY["Daily"]).templates["rooms"]
    rule = readable(only(template, "AWS::Events::Rule"))
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = rule["Targets"]
    assert (target["Arn"], json.loads(target["Input"])) == ("<RoomsFunction.Arn>", {"type": "sweep"})
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    permission = readable(only(template, "AWS::Lambda::Permission"))
    assert (permission["Principal"], permission["SourceArn"]) == ("events.amazonaws.com", "<Sweep.Arn>")


@pytest.mark.parametrize(
    ("overrides", "services"),
    [
        (VARIANTS["all transports"], {"connect", "rooms"}),
        ({**TELEPHONY["Daily"], "operations.alarm_topic_arn": ALARM_TOPIC}, {"connect", "rooms", "telephony"}),
        (TELEPHONY["Plivo"], set()),
    ],
)
def test_every_function_with_the_key_has_an_alarm_about_it(
    synthesize: Synthesize, overrides: Mapping[str, str], services: set[str]
) -> None:
    templates = synthesize("dev", **overrides).templates
    alarms = {
        part: alarm["Properties"]
        for part, template in templates.items()
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values()
    }
    assert set(alarms) == services
    for part, alarm in alarms.items():
        assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, METRIC)
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        assert dimensions == {"service": part, "deployment": "switchboard-dev"}
        assert (alarm["Statistic"], alarm["Threshold"], alarm["Period"]) == ("Sum", 1, 60)
        assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, "notBreaching")
        assert alarm["AlarmActions"] == [ALARM_TOPIC]


def test_an_alarm_without_a_topic_tells_nobody(synthesize: Synthesize) -> None:
    template = synthesize("dev", **TELEPHONY["Daily"]).templates["rooms"]
    assert "AlarmActions" not in only(template, "AWS::CloudWatch::Alarm")


def test_dailys_secret_makes_no_room_until_it_is_filled_in(synthesize: Synthesize) -> None:
    template = synthesize("dev", **TELEPHONY["Daily"]).templates["connect"]
    # The account was put in by hand, and would be lost with another id.
    secret = resources(template, "AWS::SecretsManager::Secret")["DailySecret291C5AF2"]["Properties"]
    generated = secret["GenerateSecretString"]
    assert json.loads(generated["SecretStringTemplate"]) == {"apiKey": "", "domainId": ""}
    assert (generated["GenerateStringKey"], generated["PasswordLength"]) == ("webhookHmac", 64)
    assert generated["ExcludePunctuation"] is True  # so that it is base64, as Daily wants it
    assert "SecretString" not in secret


def _told(template: Json) -> dict[str, str]:
    told: dict[str, str] = readable(only(template, "AWS::Lambda::Function"))["Environment"]["Variables"]
    return told
