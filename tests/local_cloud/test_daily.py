"""What the embedded cloud has for rooms at Daily: the stand-in itself, who is told of it, and who sweeps."""

import json
import time
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local.daily.addresses import SDK_DIRECTORY
from local.daily.admin_client import Admin
from local.daily.participant import Participant

from .conftest import Cloud, MakeUser
from .functions import function
from .templates import endpoint, execution_role, get, network, ref, resource, runtime

TELLS_ITS_ENVIRONMENT = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
KEEPS_EVENTS = """
import os, pathlib
def handler(event, context):
    kept = pathlib.Path(os.environ["TMPDIR"]) / (context.function_name + ".kept")
    if event.get("kept"):
        return kept.read_text() if kept.exists() else ""
    kept.write_text(event["type"])
"""


def invoke(client: Any, name: str, event: object = None) -> Any:
    return json.loads(client.invoke(FunctionName=name, Payload=json.dumps(event or {}))["Payload"].read())


async def test_the_stand_in_is_served_beside_the_cloud(cloud: Cloud) -> None:
    admin = Admin(f"{cloud.state.endpoint}/daily")
    account = admin.add_account()
    headers = {"Authorization": f"Bearer {account.api_key}"}
    async with httpx.AsyncClient(base_url=admin.api_url, headers=headers, trust_env=False) as http:
        url = (await http.post("/rooms", json={"name": "a-room"})).json()["url"]
        async with Participant.join(admin.base_url, room_url=url) as person:
            presence = (await http.get("/presence")).json()
            assert [each["id"] for each in presence["a-room"]] == [person.id]


def test_a_function_is_told_of_the_stand_in_unless_its_template_says_otherwise(cloud: Cloud) -> None:
    lambda_client = cloud.client("lambda")
    made = cloud.deploy("told", function(TELLS_ITS_ENVIRONMENT), Name=ref("Function"))
    assert invoke(lambda_client, made.outputs["Name"])["DAILY_API_URL"] == f"{cloud.state.endpoint}/daily/v1"
    own = {"Variables": {"DAILY_API_URL": "https://api.example.com/v1"}}
    made = cloud.deploy("told", function(TELLS_ITS_ENVIRONMENT, Environment=own), Name=ref("Function"))
    assert invoke(lambda_client, made.outputs["Name"])["DAILY_API_URL"] == "https://api.example.com/v1"


def test_an_agent_gets_the_stand_ins_module_and_where_it_is(cloud: Cloud, image: str) -> None:
    resources = {
        "Role": execution_role(),
        "Runtime": runtime(image, "in_rooms", EnvironmentVariables={"SHOW": "DAILY_STAND_IN_URL PYTHONPATH"}),
        "Live": endpoint("live", AgentRuntimeVersion=get("Runtime", "AgentRuntimeVersion")),
    }
    made = cloud.deploy("in-rooms", resources, Arn=get("Runtime", "AgentRuntimeArn"))
    answer = cloud.client("bedrock-agentcore").invoke_agent_runtime(
        agentRuntimeArn=made.outputs["Arn"], qualifier="live", payload=b"{}"
    )
    shown = json.loads(answer["response"].read())["shown"]
    assert shown == {"DAILY_STAND_IN_URL": f"{cloud.state.endpoint}/daily", "PYTHONPATH": str(SDK_DIRECTORY)}


def test_a_function_keeps_the_name_of_its_template_and_is_invoked_by_whom_it_lets(cloud: Cloud, user: MakeUser) -> None:
    made = cloud.deploy("named", function(KEEPS_EVENTS, FunctionName="kit-test-rooms"), Arn=get("Function", "Arn"))
    assert made.outputs["Arn"].endswith(":function:kit-test-rooms")
    allow = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": made.outputs["Arn"]}
    agent = user("an-agent", "lambda", allow)
    agent.invoke(FunctionName="kit-test-rooms", InvocationType="Event", Payload=b'{"type": "session-ended"}')
    assert_kept(cloud, "kit-test-rooms", "session-ended")
    cloud.deploy("unnamed", function(KEEPS_EVENTS, FunctionName="kit-test-other"))
    with pytest.raises(ClientError, match="AccessDenied"):
        agent.invoke(FunctionName="kit-test-other", Payload=b"{}")


def test_a_rule_reaches_a_function_that_lets_it_and_no_other(cloud: Cloud) -> None:
    events = cloud.client("events")
    permission = resource(
        "AWS::Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName=get("Function", "Arn"),
        Principal="events.amazonaws.com",
        SourceArn=get("Rule", "Arn"),
    )
    for name, more in (("unasked", {}), ("asked", {"Permission": permission})):
        target = {"Id": "Target0", "Arn": get("Function", "Arn"), "Input": json.dumps({"type": f"{name} sweep"})}
        rule = resource("AWS::Events::Rule", EventPattern={"source": ["the.test"]}, Targets=[target])
        made = cloud.deploy(name, function(KEEPS_EVENTS, FunctionName=f"kit-test-{name}") | {"Rule": rule} | more)
        assert made.status == "CREATE_COMPLETE", made.reasons
    events.put_events(Entries=[{"Source": "the.test", "DetailType": "now", "Detail": "{}"}])
    assert_kept(cloud, "kit-test-asked", "asked sweep")
    assert invoke(cloud.client("lambda"), "kit-test-unasked", {"kept": True}) == ""


def test_a_schedule_a_retry_policy_and_an_alarm_are_made(cloud: Cloud) -> None:
    target = {
        "Id": "Target0",
        "Arn": get("Function", "Arn"),
        "Input": '{"type":"sweep"}',
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
    }
    resources = function(KEEPS_EVENTS, FunctionName="kit-test-sweeping") | {
        "Rule": resource("AWS::Events::Rule", ScheduleExpression="rate(1 minute)", Targets=[target]),
        "Asynchronous": resource(
            "AWS::Lambda::EventInvokeConfig",
            FunctionName=ref("Function"),
            Qualifier="$LATEST",
            MaximumRetryAttempts=2,
            MaximumEventAgeInSeconds=300,
        ),
        "Alarm": resource(
            "AWS::CloudWatch::Alarm",
            Namespace="Switchboard",
            MetricName="DailyKeyRefused",
            Dimensions=[{"Name": "service", "Value": "rooms"}, {"Name": "deployment", "Value": "kit-test"}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        ),
    }
    made = cloud.deploy("sweeping", resources, Rule=ref("Rule"), Alarm=ref("Alarm"))
    assert made.status == "CREATE_COMPLETE", made.reasons
    (found,) = cloud.client("events").list_targets_by_rule(Rule=made.outputs["Rule"])["Targets"]
    assert (found["Input"], found["RetryPolicy"]) == (target["Input"], target["RetryPolicy"])
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNames=[made.outputs["Alarm"]])["MetricAlarms"]
    assert [len(alarm["Dimensions"]) for alarm in alarms] == [2]


@pytest.mark.parametrize(
    ("service", "status"),
    [
        ("com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0", "CREATE_COMPLETE"),
        ("com.amazonaws.us-east-1.secretsmanager", "CREATE_COMPLETE"),
        ("com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0", "ROLLBACK_COMPLETE"),
        ("com.amazonaws.vpce.us-east-1.daily", "ROLLBACK_COMPLETE"),
    ],
)
def test_an_interface_endpoint_is_of_a_service_of_the_region(cloud: Cloud, service: str, status: str) -> None:
    private = resource(
        "AWS::EC2::VPCEndpoint",
        VpcEndpointType="Interface",
        VpcId=ref("Vpc"),
        ServiceName=service,
        PrivateDnsEnabled=True,
        SubnetIds=[ref("Subnet")],
        SecurityGroupIds=[ref("Group")],
    )
    made = cloud.deploy("private", network() | {"Endpoint": private})
    assert made.status == status
    assert status == "CREATE_COMPLETE" or f"The Vpc Endpoint Service '{service}' does not exist" in str(made.reasons)
    cloud.destroy("private")


def assert_kept(cloud: Cloud, name: str, kept: str) -> None:
    lambda_client = cloud.client("lambda")
    deadline = time.monotonic() + 60
    while invoke(lambda_client, name, {"kept": True}) != kept:
        assert time.monotonic() < deadline, f"{name} has not kept {kept!r}"
