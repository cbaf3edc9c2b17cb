"""The function that ends rooms at Daily: when the agent says so, and when nobody could."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.components.package_function import PackageFunction
from stacks.parameters import OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "lambda"
# Enough for both retries, after one minute and after two more. What is lost then is a room that the sweep finds, so
# nobody has to look after a queue: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
LONGEST_WAIT: Final = cdk.Duration.minutes(5)
RETRIES: Final = 2


class RoomsFunction(PackageFunction):
    """`rooms.handler` on Lambda, under a name of its own: the agent's stack comes first and has to know it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function_name: str,
        environment: Mapping[str, str],
        operations: OperationsParameters,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            source=SOURCE,
            package="rooms",
            lock_directory=SOURCE,
            description="Ends rooms at Daily, and hears from the agent what becomes of a phone call",
            layer="Dependencies of the functions",
            environment=environment,
            operations=operations,
            function_name=function_name,
        )
        lambda_.EventInvokeConfig(
            self, "Asynchronous", function=self.function, max_event_age=LONGEST_WAIT, retry_attempts=RETRIES
        )
