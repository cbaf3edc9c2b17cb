"""The servers' log group, and the metrics that are counted in it."""

from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.components.coturn.telemetry import LOG_METRICS
from stacks.components.log_group import LogGroup
from stacks.parameters import OperationsParameters


class CoturnLog(Construct):
    """coturn counts nothing itself that leaves the instance: Debian builds it without Prometheus."""

    def __init__(
        self, scope: Construct, construct_id: str, *, metrics_namespace: str, operations: OperationsParameters
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = LogGroup(self, "LogGroup", operations=operations)
        for name, words in LOG_METRICS.items():
            self.log_group.add_metric_filter(
                name,
                filter_pattern=logs.FilterPattern.literal(f'"{words}"'),
                metric_namespace=metrics_namespace,
                metric_name=name,
                default_value=0,
            )
