"""`docker` as the CDK CLI calls it (CDK_DOCKER): it builds nothing, keeps what was to be built and records the push."""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local.environment import DIRECTORY_VARIABLE
from local.images import Image, ImageStore
from local.state import CloudDirectory

PLATFORM = "linux/arm64"
# https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


class StandInError(Exception):
    """What is wrong with the command, for its user."""


def main(arguments: Sequence[str]) -> int:
    """Run one docker command and return its exit code: 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options, ImageStore(directory=CloudDirectory(path=_directory()).images))
    except (StandInError, LookupError) as error:
        sys.stderr.write(f"docker stand-in: {error}\n")
        return 1
    return 0


def login(options: argparse.Namespace, _images: ImageStore) -> None:
    """Accept any password: the push is signed with the caller's own credentials."""
    sys.stdin.read()
    sys.stderr.write(f"docker stand-in: signed in to {options.registry} (nothing is kept)\n")


def inspect(options: argparse.Namespace, images: ImageStore) -> None:
    """Fail, as docker does, when there is no such image: the CDK CLI builds it then."""
    images.find(options.image)


def build(options: argparse.Namespace, images: ImageStore) -> None:
    """Check what can be checked without building, and keep a copy of the context."""
    dockerfile = options.context / options.file
    if not dockerfile.is_file():
        raise StandInError(f"there is no {options.file} in the build context {options.context.resolve()}")
    if options.platform != PLATFORM:
        raise StandInError(f"this kit's images are {PLATFORM}; this build asks for {options.platform or 'no platform'}")
    images.add(
        options.tag,
        context=options.context.resolve(),
        platform=options.platform,
        build_arguments=dict(argument.split("=", 1) for argument in options.build_arg),
        dockerfile=options.file,
    )
    sys.stderr.write("docker stand-in: built nothing. The image's process runs from a copy of the build context.\n")


def tag(options: argparse.Namespace, images: ImageStore) -> None:
    """Give an image a second name."""
    images.tag(images.find(options.source), options.target)


def push(options: argparse.Namespace, images: ImageStore) -> None:
    """Register the image in ECR with a manifest that has no layers."""
    import boto3  # takes longer to load than every other command needs to run

    image = images.find(options.image)
    registry, _, rest = options.image.partition("/")
    repository, _, image_tag = rest.partition(":")
    ecr = boto3.client("ecr")
    try:
        answer = ecr.put_image(
            repositoryName=repository,
            imageTag=image_tag,
            imageManifest=_manifest(image),
            imageManifestMediaType=MANIFEST_TYPE,
        )
    except ecr.exceptions.ClientError as error:
        raise StandInError(str(error)) from error
    images.tag(image, f"{registry}/{repository}@{answer['image']['imageId']['imageDigest']}")
    sys.stderr.write(f"docker stand-in: recorded {options.image} in the embedded cloud's ECR, without layers\n")


def _manifest(image: Image) -> str:
    content = json.dumps([image.context.parent.name, image.platform, dict(image.build_arguments)]).encode()
    config = {"mediaType": CONFIG_TYPE, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []})


def _directory() -> Path:
    value = os.environ.get(DIRECTORY_VARIABLE)
    if not value:
        raise SystemExit("docker stand-in: run it through `python -m local exec`, which says where the cloud is")
    return Path(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("login")
    command.add_argument("--username", required=True)
    command.add_argument("--password-stdin", action="store_true", required=True)
    command.add_argument("registry")
    command.set_defaults(run=login)
    command = commands.add_parser("inspect")
    command.add_argument("image")
    command.set_defaults(run=inspect)
    command = commands.add_parser("build")
    command.add_argument("--tag", required=True)
    command.add_argument("--platform")
    command.add_argument("--file", default="Dockerfile")
    command.add_argument("--build-arg", action="append", default=[])
    command.add_argument("context", type=Path)
    command.set_defaults(run=build)
    command = commands.add_parser("tag")
    command.add_argument("source")
    command.add_argument("target")
    command.set_defaults(run=tag)
    command = commands.add_parser("push")
    command.add_argument("--quiet", action="store_true")
    command.add_argument("image")
    command.set_defaults(run=push)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
