"""An arm64 container image: built where you deploy, built in the account, or taken from ECR."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

from stacks.components.codebuild_image import CodeBuildImage
from stacks.parameters import AgentParameters, OperationsParameters


@dataclass(frozen=True, kw_only=True)
class ExistingImage:
    """An image that is in ECR, in this account and region."""

    repository_name: str
    digest: str


class ContainerImage(Construct):
    """`uri` names one image for good: by a digest, or by a tag that no other build gets.

    The folder's .dockerignore decides what is part of a build, and of the hash in its tag.
    """

    repository: ecr.IRepository
    uri: str

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        directory: Path,
        build_args: Mapping[str, str],
        existing: ExistingImage | None,
        agent: AgentParameters,
        operations: OperationsParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        if existing:
            self.repository = ecr.Repository.from_repository_name(self, "Repository", existing.repository_name)
            self.uri = self.repository.repository_uri_for_digest(existing.digest)
        elif agent.image_source == "codebuild":
            build = CodeBuildImage(
                self, "CodeBuild", directory=directory, build_args=build_args, operations=operations
            ).build
            self.repository, self.uri = build.repository, build.image_uri
        else:
            asset = ecr_assets.DockerImageAsset(
                self,
                "Asset",
                directory=str(directory),
                platform=ecr_assets.Platform.LINUX_ARM64,
                build_args=dict(build_args),
            )
            self.repository, self.uri = asset.repository, asset.image_uri


def existing_image(*, repository_name: str | None, digest: str | None) -> ExistingImage | None:
    """The image that the parameters name, if they name one."""
    if repository_name is None or digest is None:
        return None
    return ExistingImage(repository_name=repository_name, digest=digest)
