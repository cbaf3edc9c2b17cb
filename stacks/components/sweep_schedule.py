"""Has the rooms function look, every minute, for rooms whose agent is gone."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

EVENT: Final = {"type": "sweep"}
MINUTE: Final = cdk.Duration.minutes(1)


class SweepSchedule(events.Rule):
    """A sweep that couldn't be asked for isn't made up for: the next one finds the same rooms."""

    def __init__(self, scope: Construct, construct_id: str, *, function: lambda_.IFunction) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Looks for rooms at Daily whose agent is gone",
            schedule=events.Schedule.rate(MINUTE),
            targets=[
                targets.LambdaFunction(
                    function,
                    event=events.RuleTargetInput.from_object(EVENT),
                    max_event_age=MINUTE,
                    retry_attempts=0,
                )
            ],
        )
