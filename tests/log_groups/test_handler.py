"""Custom::LogGroup: the group is as the template says after each request, and CloudFormation always hears of it."""

import logging
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
import urllib3

from log_groups import log_group
from log_groups.handler import handler
from tests.log_groups.cloudwatch_logs import CloudWatchLogs, running

NAME = "/aws/bedrock-agentcore/runtimes/switchboard_dev-a1b2C3d4E5-DEFAULT"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
WITH_KEY = {"KmsKeyArn": KEY}
IDS = {
    "StackId": "arn:aws:cloudformation:…:stack/agent",
    "RequestId": "request-1",
    "LogicalResourceId": "DefaultLogGroup",
}


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudWatchLogs]:
    with running() as service:
        for name, value in {
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": service.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "EXAMPLE",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(log_group, "PAUSES_SECONDS", (0.01, 0.01))
        yield service


def request(
    logs: CloudWatchLogs,
    kind: str,
    properties: Mapping[str, str] = MappingProxyType({}),
    *,
    before: Mapping[str, str] | None = None,
) -> None:
    event: dict[str, Any] = {
        **IDS,
        "RequestType": kind,
        "ResponseURL": f"{logs.url}/answer?X-Amz-Signature=secret",
        # CloudFormation hands every value on as text.
        "ResourceProperties": {"LogGroupName": NAME, "RetentionInDays": "30", **properties},
    }
    if before is not None:
        event["OldResourceProperties"] = {"LogGroupName": NAME, "RetentionInDays": "7", **before}
    handler(event, None)


@pytest.mark.parametrize("exists", [True, False], ids=["made by the service", "not made yet"])
def test_a_group_gets_its_retention_and_key(logs: CloudWatchLogs, *, exists: bool) -> None:
    if exists:
        logs.groups[NAME] = {}
    request(logs, "Create", WITH_KEY)
    assert logs.groups == {NAME: {"retentionInDays": 30, "kmsKeyId": KEY}}
    assert logs.answers == [{"Status": "SUCCESS", "Reason": "", "PhysicalResourceId": NAME, **IDS}]


def test_a_group_without_a_key_of_its_own_is_left_to_cloudwatchs(logs: CloudWatchLogs) -> None:
    request(logs, "Create")
    assert logs.called == ["CreateLogGroup", "PutRetentionPolicy"]
    assert logs.groups == {NAME: {"retentionInDays": 30}}


def test_a_request_may_come_twice(logs: CloudWatchLogs) -> None:
    for _ in range(2):
        request(logs, "Create", WITH_KEY)
    for _ in range(2):
        request(logs, "Delete", WITH_KEY)
    assert logs.groups == {}
    assert [answer["Status"] for answer in logs.answers] == ["SUCCESS"] * 4


@pytest.mark.parametrize(
    ("before", "now", "key"),
    [({}, WITH_KEY, KEY), (WITH_KEY, WITH_KEY, KEY), (WITH_KEY, {}, None)],
)
def test_an_update_moves_the_group_to_the_new_choices(
    logs: CloudWatchLogs, before: dict[str, str], now: dict[str, str], key: str | None
) -> None:
    request(logs, "Create", before)
    request(logs, "Update", now, before=before)
    assert logs.groups[NAME].get("kmsKeyId") == key
    assert logs.groups[NAME]["retentionInDays"] == 30


def test_another_name_is_another_resource_whose_key_is_not_the_old_ones(logs: CloudWatchLogs) -> None:
    request(logs, "Create", WITH_KEY)
    request(logs, "Update", {"LogGroupName": "/other"}, before=WITH_KEY)
    assert logs.answers[-1]["PhysicalResourceId"] == "/other"
    # CloudFormation asks for the old one's end itself, if it isn't retained.
    assert logs.groups == {NAME: {"retentionInDays": 30, "kmsKeyId": KEY}, "/other": {"retentionInDays": 30}}
    assert "DisassociateKmsKey" not in logs.called


def test_a_service_at_work_on_the_same_group_is_waited_for(logs: CloudWatchLogs) -> None:
    logs.refusals = ["OperationAbortedException", "OperationAbortedException"]
    request(logs, "Create")
    assert logs.groups == {NAME: {"retentionInDays": 30}}
    assert logs.answers[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("refusals", "reason"),
    [(["AccessDeniedException"], "AccessDeniedException"), (["OperationAbortedException"] * 3, "OperationAborted")],
)
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_what_fails_is_told_to_the_stack_and_the_log(
    logs: CloudWatchLogs, caplog: pytest.LogCaptureFixture, kind: str, refusals: list[str], reason: str
) -> None:
    logs.groups[NAME] = {}
    logs.refusals = list(refusals)
    with caplog.at_level(logging.ERROR):
        request(logs, kind)
    (answer,) = logs.answers
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NAME)
    assert reason in answer["Reason"]
    assert NAME in caplog.text
    assert "X-Amz-Signature" not in caplog.text


def test_a_template_that_is_wrong_fails_at_once(logs: CloudWatchLogs) -> None:
    request(logs, "Create", {"RetentionInDays": "a month"})
    assert logs.answers[0]["Status"] == "FAILED"
    assert "a month" in logs.answers[0]["Reason"]
    assert logs.called == []


def test_an_answer_that_is_not_taken_is_tried_again_and_then_raised(logs: CloudWatchLogs) -> None:
    logs.answer_statuses = [503]
    request(logs, "Create")
    assert [answer["Status"] for answer in logs.answers] == ["SUCCESS"]
    logs.answer_statuses = [403]
    with pytest.raises(urllib3.exceptions.HTTPError, match="403"):
        request(logs, "Create")
