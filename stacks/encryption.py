"""The encryption stack: a key of the account's own for the deployment's log groups."""

from typing import Final

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from stacks.components.deployment_stack import DeploymentStack
from stacks.components.log_group import removal_policy
from stacks.parameters import Parameters

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
USED_BY_LOGS: Final = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]


class EncryptionStack(DeploymentStack):
    """One KMS key, which CloudWatch Logs may use for log groups of this account and region only."""

    def __init__(self, scope: Construct, *, parameters: Parameters) -> None:
        super().__init__(scope, "encryption", parameters=parameters, description="Key of the deployment's log groups")
        self.key = kms.Key(
            self,
            "LogKey",
            description=f"Log groups of {parameters.project}, {parameters.environment}",
            enable_key_rotation=True,
            # What it encrypted is unreadable without it.
            removal_policy=removal_policy(parameters.operations),
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroups",
                principals=[iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")],
                actions=USED_BY_LOGS,
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": f"arn:{self.partition}:logs:{self.region}:{self.account}:"
                        "log-group:*"
                    }
                },
            )
        )
        self.add_output("LogKeyArn", value=self.key.key_arn, description="KMS key of the log groups")

    def encrypt_log_groups(self, scope: Construct) -> None:
        """Encrypt every log group in the scope, also of constructs that are not ours."""
        cdk.Aspects.of(scope).add(_LogGroupKey(self.key))


@jsii.implements(cdk.IAspect)
class _LogGroupKey:
    def __init__(self, key: kms.IKey) -> None:
        self._key_arn = key.key_arn

    def visit(self, node: IConstruct) -> None:
        """Called by CDK for every construct in the scope."""
        if isinstance(node, logs.CfnLogGroup):
            node.kms_key_id = self._key_arn
