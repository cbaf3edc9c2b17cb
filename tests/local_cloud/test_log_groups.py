"""Custom::LogGroup in the embedded cloud: ministack runs the real function, and the stack waits for its answer."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from local.state import PROJECT_DIRECTORY

from .conftest import Cloud
from .templates import Resource, get, ref, resource

NAME = "/aws/bedrock-agentcore/runtimes/kept-0123456789-DEFAULT"
GROUP = f"arn:aws:logs:us-east-1:123456789012:log-group:{NAME}"
ACTIONS = ("CreateLogGroup", "PutRetentionPolicy", "AssociateKmsKey", "DisassociateKmsKey", "DeleteLogGroup")


@pytest.fixture(scope="module")
def code(cloud: Cloud) -> dict[str, str]:
    """The function's package, uploaded as the CDK CLI uploads it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (PROJECT_DIRECTORY / "lambda" / "log_groups").glob("*.py"):
            archive.write(path, f"log_groups/{path.name}")
    cloud.client("s3").create_bucket(Bucket="functions")
    cloud.client("s3").put_object(Bucket="functions", Key="log_groups.zip", Body=packed.getvalue())
    return {"S3Bucket": "functions", "S3Key": "log_groups.zip"}


@pytest.fixture
def emptied(cloud: Cloud) -> Iterator[None]:
    yield
    cloud.destroy("kept")


def template(code: dict[str, str], *, actions: tuple[str, ...] = ACTIONS, **properties: Any) -> dict[str, Resource]:
    statements = [{"Effect": "Allow", "Action": [f"logs:{action}" for action in actions], "Resource": [GROUP]}]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        Policies=[
            {"PolicyName": "keep", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}},
        ],
    )
    function = resource(
        "AWS::Lambda::Function",
        Code=code,
        Handler="log_groups.handler.handler",
        Runtime="python3.13",
        Role=get("Role", "Arn"),
        Timeout=60,
    )
    key = resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": []})
    group = resource(
        "Custom::LogGroup",
        ServiceToken=get("Function", "Arn"),
        ServiceTimeout="20",
        LogGroupName=NAME,
        RetentionInDays=7,
        **properties,
    )
    return {"Role": role, "Function": function, "Key": key, "Group": group}


def groups(cloud: Cloud) -> list[tuple[int, str | None]]:
    found = cloud.client("logs").describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    return [(group["retentionInDays"], group.get("kmsKeyId")) for group in found]


def test_a_group_that_a_service_made_is_kept_with_a_key_then_without_and_removed(
    cloud: Cloud, code: dict[str, str]
) -> None:
    cloud.client("logs").create_log_group(logGroupName=NAME)

    made = cloud.deploy("kept", template(code, KmsKeyArn=get("Key", "Arn")), Name=ref("Group"), Key=get("Key", "Arn"))

    assert made.status == "CREATE_COMPLETE", made.reasons
    assert made.outputs["Name"] == NAME
    assert groups(cloud) == [(7, made.outputs["Key"])]

    changed = cloud.deploy("kept", template(code), Name=ref("Group"))

    assert changed.status == "UPDATE_COMPLETE", changed.reasons
    assert groups(cloud) == [(7, None)]
    assert cloud.destroy("kept").status == "DELETE_COMPLETE"
    assert groups(cloud) == []


@pytest.mark.usefixtures("emptied")
def test_what_the_role_may_not_do_fails_the_stack_with_its_reason(cloud: Cloud, code: dict[str, str]) -> None:
    made = cloud.deploy("kept", template(code, actions=("CreateLogGroup", "DeleteLogGroup")))

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("AccessDenied" in reason and "logs:PutRetentionPolicy" in reason for reason in made.reasons)


@pytest.mark.usefixtures("emptied")
def test_a_key_that_is_not_there_is_refused(cloud: Cloud, code: dict[str, str]) -> None:
    missing = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    made = cloud.deploy("kept", template(code, KmsKeyArn=missing))

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("InvalidParameterException" in reason for reason in made.reasons)


@pytest.mark.usefixtures("emptied")
def test_a_stack_is_done_when_its_start_is_answered(cloud: Cloud, code: dict[str, str]) -> None:
    cloudformation = cloud.client("cloudformation")
    body = json.dumps({"Resources": template(code)})

    started = time.monotonic()
    cloudformation.create_stack(StackName="kept", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    (found,) = cloudformation.describe_stacks(StackName="kept")["Stacks"]

    # A slow machine may take longer than the answer is held back, but not much less than that then.
    assert found["StackStatus"] == "CREATE_COMPLETE" or time.monotonic() - started > 3.5
