"""Log groups that a service makes itself, before a template can: they get the same retention and key as ours."""

from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.components.acknowledgements import acknowledge, acknowledge_wildcards
from stacks.components.log_group import LogGroup, removal_policy
from stacks.components.python_layer import ARCHITECTURE, PYTHON
from stacks.parameters import OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "lambda"
NOT_IN_THE_FUNCTION: Final = ["/*", "!/log_groups", "__pycache__", ".*_cache"]
TIMEOUT: Final = cdk.Duration.seconds(60)
# Above the function's time-out, and far below the hour that CloudFormation waits for one that never answers.
LONGEST_WAIT: Final = cdk.Duration.seconds(120)


class ServiceLogGroup(Construct):
    """CloudFormation can't take over a group that exists, so a function does it: `log_groups.handler` on Lambda."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group_name: str,
        operations: OperationsParameters,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = log_group_name
        self._operations = operations
        cdk.CustomResource(
            self,
            "Resource",
            resource_type="Custom::LogGroup",
            service_token=self._function().function_arn,
            service_timeout=LONGEST_WAIT,
            # Retained, it is never asked to be deleted.
            removal_policy=removal_policy(operations),
            properties={
                "LogGroupName": log_group_name,
                "RetentionInDays": operations.log_retention_days,
                **({"KmsKeyArn": key.key_arn} if key else {}),
            },
        )

    def _function(self) -> lambda_.Function:
        log_group = LogGroup(self, "FunctionLogGroup", operations=self._operations)
        function = lambda_.Function(
            self,
            "Function",
            description="Sets the retention and the key of a log group that AgentCore makes",
            code=lambda_.Code.from_asset(str(SOURCE), exclude=NOT_IN_THE_FUNCTION, ignore_mode=cdk.IgnoreMode.GIT),
            handler="log_groups.handler.handler",
            runtime=PYTHON,
            architecture=ARCHITECTURE,
            memory_size=256,
            timeout=TIMEOUT,
            role=self._role(log_group),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        acknowledge(
            function,
            {"AwsSolutions-L1": "Agent, functions and tests share Python 3.13, which Lambda supports until 2029-06-30"},
        )
        return function

    def _role(self, log_group: LogGroup) -> iam.Role:
        """Complete before the function exists, and so before CloudFormation calls it."""
        stack = cdk.Stack.of(self)
        # Policies for CloudWatch Logs name a group both ways, with what is in it and without.
        arn = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{self._name}"
        to_delete = ["logs:DeleteLogGroup"] if self._operations.removal == "destroy" else []
        keep = iam.PolicyStatement(
            sid="KeepLogGroup",
            actions=[
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:DisassociateKmsKey",
                "logs:PutRetentionPolicy",
                *to_delete,
            ],
            resources=[arn, f"{arn}:*"],
        )
        write = iam.PolicyStatement(
            sid="WriteOwnLog",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log_group.log_group_arn],
        )
        role = iam.Role(
            self,
            "Role",
            description="Role of the function that keeps a log group of AgentCore",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"LogGroups": iam.PolicyDocument(statements=[keep, write])},
        )
        acknowledge_wildcards(role, {f"{arn}:*": "It is this one log group's, with its log streams"})
        return role
