"""Custom::LogGroup of CloudFormation: AgentCore makes log groups that never expire, and this gives them an end."""

import logging
from collections.abc import Mapping
from typing import Any

from log_groups.answer import answer
from log_groups.log_group import LogGroup

logger = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Do what CloudFormation asks, and answer it whatever comes of it.

    Properties: LogGroupName, RetentionInDays (decimal digits) and KmsKeyArn (may be left out). Ref is the name.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html
    """
    properties = event["ResourceProperties"]
    failure = None
    try:
        _carry_out(event["RequestType"], _log_group(properties), before=event.get("OldResourceProperties"))
    except Exception as error:  # whatever it is, the stack has to hear of it
        logger.exception("%s of %s failed", event["RequestType"], properties.get("LogGroupName"))
        failure = f"{type(error).__name__}: {error}"
    answer(event, physical_resource_id=properties.get("LogGroupName", "unnamed"), failure=failure)


def _log_group(properties: Mapping[str, str]) -> LogGroup:
    return LogGroup(
        name=properties["LogGroupName"],
        retention_days=int(properties["RetentionInDays"]),
        kms_key_arn=properties.get("KmsKeyArn", ""),
    )


def _carry_out(request_type: str, group: LogGroup, *, before: Mapping[str, str] | None) -> None:
    """A new name is a new resource: CloudFormation has the old one deleted afterwards, unless it is to be retained."""
    if request_type == "Delete":
        group.delete()
        return
    group.keep()
    had_key = before is not None and before["LogGroupName"] == group.name and bool(before.get("KmsKeyArn"))
    if had_key and not group.kms_key_arn:
        group.take_key_away()
