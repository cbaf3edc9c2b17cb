"""A function: one package of `lambda/` with what all of them share, and its locked dependencies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import LogGroup
from stacks.components.python_layer import ARCHITECTURE, LOCK_NAME, PYTHON, PythonLayer
from stacks.parameters import OperationsParameters

# Above all look-ups and a wait for AgentCore or a carrier, and below the 30 s after which API Gateway gives up.
TIMEOUT: Final = cdk.Duration.seconds(29)


class PackageFunction(Construct):
    """`{package}.handler.handler` on Lambda. It may write to its own log; its parent grants the rest.

    `layer` describes what `requirements.txt` in `lock_directory` pins. `function_name` is for a function that somebody
    calls who is made before it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: Path,
        package: str,
        lock_directory: Path,
        description: str,
        layer: str,
        environment: Mapping[str, str],
        operations: OperationsParameters,
        function_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "LogGroup", operations=operations)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            description=description,
            code=lambda_.Code.from_asset(
                str(source), exclude=_everything_but(package, "shared"), ignore_mode=cdk.IgnoreMode.GIT
            ),
            handler=f"{package}.handler.handler",
            runtime=PYTHON,
            architecture=ARCHITECTURE,
            # The processor's share follows the memory: with less, the imports of a cold start take longer.
            memory_size=512,
            timeout=TIMEOUT,
            layers=[PythonLayer(self, "Dependencies", directory=lock_directory, description=layer)],
            role=role,
            environment=dict(environment),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        acknowledge(
            self.function,
            {"AwsSolutions-L1": "Agent, functions and tests share Python 3.13, which Lambda supports until 2029-06-30"},
        )


def _everything_but(*packages: str) -> list[str]:
    locks = LOCK_NAME.replace(".txt", ".*")
    return ["/*", *(f"!/{package}" for package in packages), locks, "__pycache__", ".*_cache"]
