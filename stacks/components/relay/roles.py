"""What ECS may do to start the relay, and what the relay itself may do."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.components.acknowledgements import acknowledge_wildcards
from stacks.components.session_access import session_access


class RelayExecutionRole(iam.Role):
    """Pulls one image and writes one log. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html."""

    def __init__(
        self, scope: Construct, construct_id: str, *, repository: ecr.IRepository, log_group: logs.ILogGroup
    ) -> None:
        statements = [
            iam.PolicyStatement(
                sid="PullImage",
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[repository.repository_arn],
            ),
            iam.PolicyStatement(sid="SignInToRegistry", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                sid="Log",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
        ]
        super().__init__(
            scope,
            construct_id,
            description="Starts the relay of media streams",
            assumed_by=tasks_of_this_account(cdk.Stack.of(scope)),
            inline_policies={"Start": iam.PolicyDocument(statements=statements)},
        )
        acknowledge_wildcards(
            self, {"*": "ecr:GetAuthorizationToken has no resource type (service authorization reference)"}
        )


class RelayTaskRole(iam.Role):
    """Opens streams to one runtime, reads the key of tokens, and marks a token as used. It knows no carrier."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        runtime_arn: str,
        endpoint_name: str,
        key_secret_arn: str,
        table_arn: str,
    ) -> None:
        statements = [
            session_access(
                ["InvokeAgentRuntimeWithWebSocketStream"], runtime_arn=runtime_arn, endpoint_name=endpoint_name
            ),
            iam.PolicyStatement(sid="RelayKey", actions=["secretsmanager:GetSecretValue"], resources=[key_secret_arn]),
            iam.PolicyStatement(sid="UseOnce", actions=["dynamodb:PutItem"], resources=[table_arn]),
        ]
        super().__init__(
            scope,
            construct_id,
            description="The relay of media streams",
            assumed_by=tasks_of_this_account(cdk.Stack.of(scope)),
            inline_policies={"Relay": iam.PolicyDocument(statements=statements)},
        )


def tasks_of_this_account(stack: cdk.Stack) -> iam.ServicePrincipal:
    """Both conditions keep the service from being talked into using the role for somebody else (confused deputy).

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    return iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com",
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:ecs:{stack.region}:{stack.account}:*"},
        },
    )
