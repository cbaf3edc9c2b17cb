"""Logs end: every log group has the retention of its environment."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.parameters import OperationsParameters


def removal_policy(operations: OperationsParameters) -> cdk.RemovalPolicy:
    """What becomes of users, secrets and logs when their stack is deleted."""
    return cdk.RemovalPolicy.RETAIN if operations.removal == "retain" else cdk.RemovalPolicy.DESTROY


def keep_as_told(log_group: logs.LogGroup, operations: OperationsParameters) -> None:
    """Give a log group the environment's retention. The L2 knows only an enumeration, not CloudWatch's own number."""
    log_group.apply_removal_policy(removal_policy(operations))
    cast(logs.CfnLogGroup, log_group.node.default_child).retention_in_days = operations.log_retention_days


class LogGroup(logs.LogGroup):
    """A log group under a generated name, unless a service insists on one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        operations: OperationsParameters,
        log_group_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id, log_group_name=log_group_name)
        keep_as_told(self, operations)
