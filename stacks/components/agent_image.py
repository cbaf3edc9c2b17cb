"""The agent's arm64 container image: built where you deploy, built in the account, or taken from ECR."""

from pathlib import Path
from typing import Final

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

from stacks.components.codebuild_image import CodeBuildImage
from stacks.parameters import AgentParameters, OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "agent_image"


class AgentImage(Construct):
    """`uri` names one image for good: by a digest, or by a tag that no other build gets.

    The folder's .dockerignore decides what is part of a build, and of the hash in its tag.
    """

    repository: ecr.IRepository
    uri: str

    def __init__(
        self, scope: Construct, construct_id: str, *, agent: AgentParameters, operations: OperationsParameters
    ) -> None:
        super().__init__(scope, construct_id)
        build_args = {"PIPELINE": agent.pipeline}
        match agent:
            case AgentParameters(image_repository_name=str(name), image_digest=str(digest)):
                self.repository = ecr.Repository.from_repository_name(self, "Repository", name)
                self.uri = self.repository.repository_uri_for_digest(digest)
            case AgentParameters(image_source="codebuild"):
                build = CodeBuildImage(
                    self,
                    "CodeBuild",
                    directory=SOURCE,
                    build_args=build_args,
                    operations=operations,
                ).build
                self.repository, self.uri = build.repository, build.image_uri
            case _:
                asset = ecr_assets.DockerImageAsset(
                    self,
                    "Asset",
                    directory=str(SOURCE),
                    platform=ecr_assets.Platform.LINUX_ARM64,
                    build_args=build_args,
                )
                self.repository, self.uri = asset.repository, asset.image_uri
