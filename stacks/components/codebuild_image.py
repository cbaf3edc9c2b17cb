"""An arm64 image built in the account at deployment: for machines without Docker."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_logs as logs
from cdklabs.deploy_time_build import ContainerImageBuild
from constructs import Construct, IConstruct

from stacks.components.acknowledgements import acknowledge, acknowledge_wildcards
from stacks.components.log_group import LogGroup, keep_as_told
from stacks.parameters import OperationsParameters


class CodeBuildImage(Construct):
    """`ContainerImageBuild` with logs that end. It keeps its project and its handler at the top of the stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        directory: Path,
        build_args: Mapping[str, str],
        operations: OperationsParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        self.build = ContainerImageBuild(
            self,
            "Build",
            directory=str(directory),
            platform=ecr_assets.Platform.LINUX_ARM64,
            build_args=dict(build_args),
            # It reads .dockerignore by itself, but as a list of globs, which mean other files than Docker's patterns.
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )
        project = cast(codebuild.Project, self._of_the_stack("ContainerImageBuildArm64"))
        handler = self._of_the_stack("DeployTimeBuildCustomResourceHandler")
        self._end_logs(project, handler, operations)
        self._acknowledge_handler(handler)
        self._acknowledge_project(project)

    def _of_the_stack(self, purpose: str) -> IConstruct:
        return next(child for child in cdk.Stack.of(self).node.children if child.node.id.startswith(purpose))

    def _end_logs(self, project: codebuild.Project, handler: IConstruct, operations: OperationsParameters) -> None:
        """CodeBuild makes a missing log group, which never expires: ours comes before the first build."""
        name = f"/aws/codebuild/{project.project_name}"
        log_group = LogGroup(self, "LogGroup", operations=operations, log_group_name=name)
        self.build.node.find_child("Resource").node.add_dependency(log_group)
        keep_as_told(cast(logs.LogGroup, handler.node.find_child("LogGroup")), operations)

    def _acknowledge_handler(self, handler: IConstruct) -> None:
        basic = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        made_so = "cdklabs.deploy-time-build makes the handler so; it may only start this one build"
        acknowledge(handler, {f"AwsSolutions-IAM4[Policy::{basic}]": made_so, "AwsSolutions-L1": made_so})

    def _acknowledge_project(self, project: codebuild.Project) -> None:
        stack = cdk.Stack.of(self)
        own = f"{stack.region}:{stack.account}"
        log_group = f"log-group:/aws/codebuild/{project.project_name}"
        assets = f"cdk-{cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER}-assets-{stack.account}-{stack.region}"
        public = "arn:<AWS::Partition>:iam::aws:policy/AmazonElasticContainerRegistryPublicReadOnly"
        acknowledge(
            project,
            {
                "AwsSolutions-CB4": "The project has no artifact: the image goes to ECR, which encrypts it",
                f"AwsSolutions-IAM4[Policy::{public}]": "Read-only, for base images in ECR Public",
                **{
                    f"AwsSolutions-IAM5[Action::s3:{action}*]": "Read-only, on CDK's asset bucket, for the source"
                    for action in ("GetBucket", "GetObject", "List")
                },
            },
        )
        acknowledge_wildcards(
            project,
            {
                "*": "ecr:GetAuthorizationToken has no resource type (service authorization reference)",
                f"arn:{stack.partition}:logs:{own}:{log_group}:*": "Its own log streams",
                f"arn:{stack.partition}:codebuild:{own}:report-group/{project.project_name}-*": "Its own test reports",
                f"arn:{stack.partition}:s3:::{assets}/*": "Read-only, on CDK's asset bucket, for the source",
            },
        )
