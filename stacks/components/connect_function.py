"""The function that lets callers in: it makes a session and signs the way to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import LogGroup
from stacks.components.python_layer import ARCHITECTURE, PYTHON, PythonLayer
from stacks.parameters import OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "lambda"
NOT_IN_THE_FUNCTION: Final = ["/*", "!/connect", "!/shared", "__pycache__", ".*_cache"]
# Above an offer's look-ups and its wait for AgentCore, and below the 30 s after which API Gateway gives up.
TIMEOUT: Final = cdk.Duration.seconds(29)


class ConnectFunction(Construct):
    """`connect.handler` on Lambda. It may write to its own log; its parent grants the rest."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Mapping[str, str],
        operations: OperationsParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "LogGroup", operations=operations)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        self.function = lambda_.Function(
            self,
            "Function",
            description="Makes sessions with the voice agent and signs the way to them",
            code=lambda_.Code.from_asset(str(SOURCE), exclude=NOT_IN_THE_FUNCTION, ignore_mode=cdk.IgnoreMode.GIT),
            handler="connect.handler.handler",
            runtime=PYTHON,
            architecture=ARCHITECTURE,
            # The processor's share follows the memory: with less, the imports of a cold start take longer.
            memory_size=512,
            timeout=TIMEOUT,
            layers=[PythonLayer(self, "Dependencies", directory=SOURCE, description="Dependencies of the functions")],
            role=role,
            environment=dict(environment),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        acknowledge(
            self.function,
            {"AwsSolutions-L1": "Agent, functions and tests share Python 3.13, which Lambda supports until 2029-06-30"},
        )
