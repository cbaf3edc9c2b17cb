"""Where CloudFront writes who asked for the page."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import removal_policy
from stacks.parameters import OperationsParameters


class PageLogBucket(s3.Bucket):
    """CloudFront delivers by an access control list, so the bucket takes those of its owner's choice.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, operations: OperationsParameters) -> None:
        super().__init__(
            scope,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(operations.log_retention_days))],
            removal_policy=removal_policy(operations),
            auto_delete_objects=operations.removal == "destroy",
        )
        acknowledge(self, {"AwsSolutions-S1": "It is the log: a log of its own would grow with every line of it"})
