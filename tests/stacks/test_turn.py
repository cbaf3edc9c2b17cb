"""coturn's stack: public servers that are replaced one by one, the least they need, and no secret in the template."""

import json
import re

import pytest

from stacks.components.coturn.instance import cloud_config, files
from tests.stacks.synthesis import (
    CERTIFICATE,
    TURN_SOURCES,
    Json,
    Synthesize,
    listed,
    only,
    readable,
    resources,
    statements,
)

ANYWHERE = "0.0.0.0/0"
STACK = "switchboard-dev-turn"
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
USER_DATA_BYTES = 16_384


@pytest.fixture
def template(synthesize: Synthesize) -> Json:
    return synthesize("dev", **TURN_SOURCES["coturn"]).templates["turn"]


def test_exactly_the_ports_of_turn_are_open(template: Json) -> None:
    group = only(template, "AWS::EC2::SecurityGroup")
    assert _ports(group["SecurityGroupIngress"]) == {
        ("udp", 3478, 3478),
        ("tcp", 3478, 3478),
        ("tcp", 443, 443),
        ("udp", 49152, 65535),
    }
    assert _ports(group["SecurityGroupEgress"]) == {("udp", 1024, 65535), ("tcp", 443, 443), ("tcp", 80, 80)}
    assert not resources(template, "AWS::EC2::SecurityGroupIngress")
    assert not resources(template, "AWS::EC2::SecurityGroupEgress")


def test_servers_stand_in_the_public_subnets_with_addresses_of_their_own(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **TURN_SOURCES["coturn"])
    group = only(deployment.templates["turn"], "AWS::AutoScaling::AutoScalingGroup")
    subnets = readable(group["VPCZoneIdentifier"])
    assert len(subnets) == 2
    assert all("AgentVpcPublicSubnet" in subnet for subnet in subnets)
    data = _launch(deployment.templates["turn"])
    (interface,) = data["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is True
    addresses = resources(deployment.templates["turn"], "AWS::EC2::EIP")
    assert all(address["Properties"]["Domain"] == "vpc" for address in addresses.values())
    assert _setting(_user_data(deployment.templates["turn"]), "ADDRESSES") == " ".join(
        f"<{name}.AllocationId>=<{name}>" for name in addresses
    )


@pytest.mark.parametrize("count", [1, 2, 5])
def test_servers_are_replaced_one_by_one_when_the_new_one_has_answered(synthesize: Synthesize, count: int) -> None:
    overrides = {**TURN_SOURCES["coturn"], "turn.server_count": str(count)}
    template = synthesize("dev", **overrides).templates["turn"]
    ((logical_id, group),) = resources(template, "AWS::AutoScaling::AutoScalingGroup").items()
    assert group["Properties"]["MinSize"] == group["Properties"]["MaxSize"] == str(count)
    assert group["CreationPolicy"] == {"ResourceSignal": {"Count": count, "Timeout": "PT20M"}}
    update = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert update["MaxBatchSize"] == 1
    assert update["MinInstancesInService"] == count - 1
    assert update["WaitOnResourceSignals"] is True
    assert update["PauseTime"] == "PT20M"
    assert len(resources(template, "AWS::EC2::EIP")) == count
    assert _setting(_user_data(template), "LOGICAL_RESOURCE_ID") == logical_id
    assert _setting(_user_data(template), "STACK_NAME") == STACK


def test_an_instance_is_closed(template: Json) -> None:
    data = _launch(template)
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "KeyName" not in data
    assert all(device["Ebs"]["Encrypted"] for device in data["BlockDeviceMappings"])
    # A server that powers itself off is gone, not stopped with its address.
    assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
    images = {
        parameter["Default"]
        for parameter in template["Parameters"].values()
        if parameter["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    }
    assert images == {"/aws/service/debian/release/12/latest/arm64"}


def test_the_role_may_do_what_the_boot_script_does_and_no_more(template: Json) -> None:
    granted = {
        (action, str(readable(resource)))
        for statement in statements(template)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    ec2 = "arn:aws:ec2:us-east-1:<AWS::AccountId>"
    streams = "<LogLogGroup.Arn>:log-stream:*"
    assert granted == {
        ("secretsmanager:GetSecretValue", "<SharedSecret>"),
        ("secretsmanager:GetSecretValue", CERTIFICATE),
        ("ec2:AssociateAddress", f"{ec2}:elastic-ip/<Address0.AllocationId>"),
        ("ec2:AssociateAddress", f"{ec2}:elastic-ip/<Address1.AllocationId>"),
        ("ec2:AssociateAddress", f"{ec2}:instance/*"),
        ("ec2:AssociateAddress", f"{ec2}:network-interface/*"),
        ("cloudformation:SignalResource", "<AWS::StackId>"),
        ("logs:CreateLogStream", streams),
        ("logs:PutLogEvents", streams),
        ("cloudwatch:PutMetricData", "*"),
    }
    assert "ManagedPolicyArns" not in only(template, "AWS::IAM::Role")


def test_each_wildcard_of_the_role_has_a_condition(template: Json) -> None:
    conditions = {
        statement["Sid"]: readable(statement.get("Condition"))
        for statement in statements(template)
        if any(str(readable(resource)).endswith(("*", "/*")) for resource in listed(statement["Resource"]))
    }
    del conditions["Log"]  # all streams of the one group
    assert conditions == {
        "ForInstance": {"StringEquals": {"aws:ResourceTag/Name": STACK}},
        "ForItsInterface": {
            "ArnEquals": {
                "ec2:Vpc": "arn:aws:ec2:us-east-1:<AWS::AccountId>:vpc/"
                "<switchboard-dev-network!PublishOutputRefAgentVpc>"
            }
        },
        "Measure": {"StringEquals": {"cloudwatch:namespace": STACK}},
    }


def test_instances_have_the_name_that_their_role_asks_for(template: Json) -> None:
    group = only(template, "AWS::AutoScaling::AutoScalingGroup")
    assert {"Key": "Name", "PropagateAtLaunch": True, "Value": STACK} in group["Tags"]
    (tags,) = [found["Tags"] for found in _launch(template)["TagSpecifications"] if found["ResourceType"] == "instance"]
    assert {"Key": "Name", "Value": STACK} in tags


def test_the_shared_secret_is_made_there_and_read_there(template: Json) -> None:
    secret = only(template, "AWS::SecretsManager::Secret")
    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] == 64
    assert "{{resolve:secretsmanager" not in json.dumps(template)
    settings = _user_data(template)
    assert _setting(settings, "SHARED_SECRET_ARN") == "<SharedSecret>"
    assert _setting(settings, "CERTIFICATE_SECRET_ARN") == CERTIFICATE


def test_the_connect_function_gets_the_names_in_order(synthesize: Synthesize) -> None:
    connect = synthesize("dev", **TURN_SOURCES["coturn"]).templates["connect"]
    environments = [
        function["Properties"]["Environment"]["Variables"]
        for function in resources(connect, "AWS::Lambda::Function").values()
        if "Environment" in function["Properties"]
    ]
    assert any(
        found.get("ICE_SERVER_URLS")
        == "turn:turn.example.com:3478?transport=udp,turn:turn.example.com:3478?transport=tcp,"
        "turns:turn.example.com:443?transport=tcp"
        for found in environments
    )


def test_a_name_finds_the_servers_that_answer(template: Json) -> None:
    records = [record["Properties"] for record in resources(template, "AWS::Route53::RecordSet").values()]
    assert [readable(record["ResourceRecords"]) for record in records] == [["<Address0>"], ["<Address1>"]]
    assert all(record["Name"] == "turn.example.com" and record["MultiValueAnswer"] for record in records)
    assert len({record["SetIdentifier"] for record in records}) == 2
    for record in records:
        check = template["Resources"][record["HealthCheckId"]["Ref"]]["Properties"]["HealthCheckConfig"]
        assert readable(check["IPAddress"]) == readable(record["ResourceRecords"])[0]
        assert (check["Type"], check["Port"]) == ("TCP", 3478)


def test_without_a_zone_the_addresses_are_told(synthesize: Synthesize) -> None:
    overrides = {key: value for key, value in TURN_SOURCES["coturn"].items() if key != "turn.hosted_zone_id"}
    template = synthesize("dev", **overrides).templates["turn"]
    assert not resources(template, "AWS::Route53::RecordSet")
    assert not resources(template, "AWS::Route53::HealthCheck")
    assert readable(template["Outputs"]["ServerAddresses"]["Value"]) == "<Address0>,<Address1>"


def test_what_the_log_tells_is_counted(template: Json) -> None:
    filters = [found["Properties"] for found in resources(template, "AWS::Logs::MetricFilter").values()]
    names = {found["MetricTransformations"][0]["MetricName"] for found in filters}
    assert names == {"Allocations", "RefusedCredentials", "QuotaReached", "DeniedPeers"}
    assert all(found["MetricTransformations"][0]["MetricNamespace"] == STACK for found in filters)
    assert all(readable(found["LogGroupName"]) == "<LogLogGroup>" for found in filters)
    assert all(re.fullmatch(r'"[^"]+"', found["FilterPattern"]) for found in filters)
    assert only(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 7


def test_user_data_fits_for_the_most_servers_and_the_longest_names() -> None:
    secret = f"arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:{'s' * 64}-AbCdEf"
    contents = files(
        realm=".".join(["d" * 60] * 4),
        settings={
            "REGION": "ap-southeast-99",
            "STACK_NAME": "p" * 31 + "-" + "e" * 16 + "-turn",
            "LOGICAL_RESOURCE_ID": "Servers",
            "ADDRESSES": " ".join(["eipalloc-0123456789abcdef0=203.0.113.255"] * 20),
            "SHARED_SECRET_ARN": secret,
            "CERTIFICATE_SECRET_ARN": secret,
        },
        log_group_name="p" * 31 + "-" + "e" * 16 + "-turn-LogLogGroup427F779C-0123456789AB",
        metrics_namespace="p" * 31 + "-" + "e" * 16 + "-turn",
    )
    assert len(cloud_config(contents).encode()) < USER_DATA_BYTES


def _ports(rules: list[Json]) -> set[tuple[str, int, int]]:
    assert all(rule["CidrIp"] == ANYWHERE for rule in rules)
    return {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules}


def _launch(template: Json) -> Json:
    data: Json = only(template, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    return data


def _user_data(template: Json) -> Json:
    """Contents by path, with references as text."""
    text: str = readable(_launch(template)["UserData"]["Fn::Base64"])
    config = json.loads(text.removeprefix("#cloud-config\n"))
    assert config["runcmd"] == [["/usr/local/sbin/coturn-boot"]]
    return {file["path"]: file["content"] for file in config["write_files"]}


def _setting(contents: Json, name: str) -> str:
    lines: str = contents["/etc/coturn-server/settings"]
    (value,) = [line.partition("=")[2] for line in lines.splitlines() if line.startswith(f"{name}=")]
    return value.strip("'")
