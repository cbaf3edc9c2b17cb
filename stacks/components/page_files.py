"""Puts the page's files into its bucket, each kind with how long it may be kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_s3_deployment as s3_deployment
from constructs import Construct

from stacks.components.acknowledgements import acknowledge, acknowledge_wildcards
from stacks.components.log_group import LogGroup
from stacks.parameters import OperationsParameters

# Vite names what is in here by its content.
ASSETS: Final = "assets/*"
FOR_EVER: Final = [
    s3_deployment.CacheControl.set_public(),
    s3_deployment.CacheControl.max_age(cdk.Duration.days(365)),
    s3_deployment.CacheControl.immutable(),
]
ASK_EACH_TIME: Final = [s3_deployment.CacheControl.no_cache()]
# The AWS CLI, which the function runs, needs more than Lambda's least.
MEMORY_MEBIBYTES: Final = 512


class PageFiles(Construct):
    """`release` is the bundle; `entry` takes the place of files of its that differ between deployments."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        release: Path,
        entry: Sequence[s3_deployment.ISource],
        bucket: s3.IBucket,
        distribution: cloudfront.IDistribution,
        operations: OperationsParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        bundle = s3_assets.Asset(self, "Bundle", path=str(release))
        source = s3_deployment.Source.bucket(bundle.bucket, bundle.s3_object_key)
        log_group = LogGroup(self, "LogGroup", operations=operations)
        role = PageFilesRole(
            self, "Role", assets=bundle.bucket, bucket=bucket, distribution=distribution, log_group=log_group
        )
        common: dict[str, Any] = {
            "destination_bucket": bucket,
            "memory_limit": MEMORY_MEBIBYTES,
            "log_group": log_group,
            # Kept from adding wider permissions to the role.
            "role": role.without_policy_updates(),
        }
        assets = s3_deployment.BucketDeployment(
            self,
            "Assets",
            sources=[source],
            exclude=["*"],
            include=[ASSETS],
            # A page that was opened before this deployment may still ask for the old ones.
            prune=False,
            cache_control=FOR_EVER,
            **common,
        )
        pages = s3_deployment.BucketDeployment(
            self,
            "Entry",
            sources=[source, *entry],
            exclude=[ASSETS],
            cache_control=ASK_EACH_TIME,
            distribution=distribution,
            # CloudFront keys its cache by what was asked for, so the root comes twice.
            distribution_paths=["/", "/index.html", "/config.json"],
            **common,
        )
        # One function does both, with the layer of the first.
        pages.node.try_remove_child("AwsCliLayer")
        # What index.html names is there before it.
        pages.node.add_dependency(assets)
        self._acknowledge_function()

    def _acknowledge_function(self) -> None:
        """CDK keeps it at the top of the stack."""
        children = cdk.Stack.of(self).node.children
        function = next(child for child in children if child.node.id.startswith("Custom::CDKBucketDeployment"))
        acknowledge(
            function, {"AwsSolutions-L1": "CDK chooses the runtime of its own function, and keeps it supported"}
        )


class PageFilesRole(iam.Role):
    """Reads CDK's assets, writes the page's bucket and nothing else; complete before the function exists."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assets: s3.IBucket,
        bucket: s3.IBucket,
        distribution: cloudfront.IDistribution,
        log_group: LogGroup,
    ) -> None:
        statements = [
            _allow("ReadAssets", ["s3:GetObject"], assets.arn_for_objects("*")),
            _allow("ListPage", ["s3:ListBucket"], bucket.bucket_arn),
            _allow("WritePage", ["s3:DeleteObject", "s3:PutObject"], bucket.arn_for_objects("*")),
            _allow(
                "ForgetOldPage",
                ["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"],
                distribution.distribution_arn,
            ),
            _allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn),
        ]
        super().__init__(
            scope,
            construct_id,
            description="Role of the function that puts the page into its bucket",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Page": iam.PolicyDocument(statements=statements)},
        )
        acknowledge_wildcards(
            self,
            {
                assets.arn_for_objects("*"): "Read-only, on CDK's asset bucket, for the page",
                bucket.arn_for_objects("*"): "The bucket holds the page alone, whose files are the bundle's affair",
            },
        )


def _allow(sid: str, actions: list[str], resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=[resource])
