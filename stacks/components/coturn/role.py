"""What a coturn instance may do: take one of the addresses, read two secrets, log and measure."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.components.acknowledgements import acknowledge_wildcards


class CoturnRole(iam.Role):
    """The permissions are part of the role itself, so they are there when the first instance boots.

    The auto-scaling group adds the one to signal.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        addresses: Sequence[ec2.CfnEIP],
        secret_arns: Sequence[str],
        log_group: logs.ILogGroup,
    ) -> None:
        stack = cdk.Stack.of(scope)
        statements = [
            iam.PolicyStatement(
                sid="ReadSecrets", actions=["secretsmanager:GetSecretValue"], resources=list(secret_arns)
            ),
            *_claim_address(stack, vpc=vpc, addresses=addresses),
            *_telemetry(stack, log_group=log_group),
        ]
        super().__init__(
            scope,
            construct_id,
            description="Role of the instances that run coturn",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            inline_policies={"Server": iam.PolicyDocument(statements=statements)},
        )
        unknown_id = "The group makes instances after the role; their name, or the VPC, is a condition"
        acknowledge_wildcards(
            self,
            {
                _ec2_arn(stack, "instance/*"): unknown_id,
                _ec2_arn(stack, "network-interface/*"): unknown_id,
                f"{log_group.log_group_arn}:log-stream:*": "Streams are named by instance, within the one log group",
                "*": "cloudwatch:PutMetricData has no resource type; a condition binds it to one namespace",
            },
        )


def _claim_address(
    stack: cdk.Stack, *, vpc: ec2.IVpc, addresses: Sequence[ec2.CfnEIP]
) -> Iterator[iam.PolicyStatement]:
    """EC2 asks for the address and for what it goes to. Only the stack's addresses are in reach, by their ids."""
    action = "ec2:AssociateAddress"
    allocations = [_ec2_arn(stack, f"elastic-ip/{address.attr_allocation_id}") for address in addresses]
    yield iam.PolicyStatement(sid="ClaimAddress", actions=[action], resources=allocations)
    yield iam.PolicyStatement(
        sid="ForInstance",
        actions=[action],
        resources=[_ec2_arn(stack, "instance/*")],
        conditions={"StringEquals": {"aws:ResourceTag/Name": stack.stack_name}},
    )
    yield iam.PolicyStatement(
        sid="ForItsInterface",
        actions=[action],
        resources=[_ec2_arn(stack, "network-interface/*")],
        conditions={"ArnEquals": {"ec2:Vpc": vpc.vpc_arn}},
    )


def _telemetry(stack: cdk.Stack, *, log_group: logs.ILogGroup) -> Iterator[iam.PolicyStatement]:
    yield iam.PolicyStatement(
        sid="Log",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[f"{log_group.log_group_arn}:log-stream:*"],
    )
    yield iam.PolicyStatement(
        sid="Measure",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": stack.stack_name}},
    )


def _ec2_arn(stack: cdk.Stack, resource: str) -> str:
    return f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}:{resource}"
