"""The bucket that holds the page: nobody reads it but the distribution."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import LogGroup
from stacks.parameters import OperationsParameters


class PageBucket(s3.Bucket):
    """It goes with its stack whatever the parameters say: a deployment makes all that is in it again."""

    def __init__(self, scope: Construct, construct_id: str, *, operations: OperationsParameters) -> None:
        super().__init__(
            scope,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
        acknowledge(
            self, {"AwsSolutions-S1": "Only the distribution reads it, and the distribution's log has every request"}
        )
        self._log_emptying(operations)

    def _log_emptying(self, operations: OperationsParameters) -> None:
        """The function that empties buckets would otherwise log to a group that never expires."""
        provider = cdk.Stack.of(self).node.find_child("Custom::S3AutoDeleteObjectsCustomResourceProvider")
        handler = cast(cdk.CfnResource, provider.node.find_child("Handler"))
        log_group = LogGroup(self, "EmptyingLogGroup", operations=operations)
        handler.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
