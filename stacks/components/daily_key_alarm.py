"""Tells the operator that Daily refuses the deployment's key: until it is replaced, no room is made and none ended."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.parameters import Parameters

NAMESPACE: Final = "Switchboard"
METRIC: Final = "DailyKeyRefused"


class DailyKeyAlarm(cloudwatch.Alarm):
    """One refusal is enough: a key doesn't come right by itself. `service` is the function's name in its metrics.

    An alarm finds a metric by all of its dimensions, so the function counts with these two and no other.
    """

    def __init__(self, scope: Construct, construct_id: str, *, service: str, parameters: Parameters) -> None:
        super().__init__(
            scope,
            construct_id,
            alarm_description=f"Daily refuses the API key that the {service} function has: put a valid one into the "
            "secret DailySecretArn of the connect stack",
            metric=cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=METRIC,
                dimensions_map={"deployment": parameters.room_prefix, "service": service},
                statistic=cloudwatch.Stats.SUM,
                period=cdk.Duration.minutes(1),
            ),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        if topic_arn := parameters.operations.alarm_topic_arn:
            self.add_alarm_action(actions.SnsAction(sns.Topic.from_topic_arn(self, "Topic", topic_arn)))
