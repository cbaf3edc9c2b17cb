"""Locked dependencies as a Lambda layer, installed on this machine by uv: no Docker, no build image."""

import subprocess
import sys
from compileall import compile_dir
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import Construct
from uv import find_uv_bin

PYTHON: Final = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE: Final = lambda_.Architecture.ARM_64
LOCK_NAME: Final = "requirements.txt"


class PythonLayer(lambda_.LayerVersion):
    """What `requirements.txt` in `directory` pins; the asset's hash follows that file alone."""

    def __init__(self, scope: Construct, construct_id: str, *, directory: Path, description: str) -> None:
        super().__init__(
            scope,
            construct_id,
            description=description,
            compatible_runtimes=[PYTHON],
            compatible_architectures=[ARCHITECTURE],
            code=lambda_.Code.from_asset(
                str(directory),
                exclude=["*", f"!{LOCK_NAME}"],
                bundling=cdk.BundlingOptions(image=PYTHON.bundling_image, local=UvInstall(directory / LOCK_NAME)),
            ),
        )


@jsii.implements(cdk.ILocalBundling)
class UvInstall:
    """Installs a lock with hashes for the function's platform, whatever the platform of this machine."""

    def __init__(self, lock: Path) -> None:
        self._lock = lock

    def try_bundle(self, output_dir: str, *_options: object, **_typed_options: object) -> bool:
        """Fill the layer's `python` folder; raises CalledProcessError after uv has said what is wrong.

        jsii passes the options by position, while the interface's type has them as keywords.
        """
        command = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--link-mode", "copy"]
        version = PYTHON.name.removeprefix("python")
        # Amazon Linux 2023, which Lambda runs on, has glibc 2.34.
        platform = ["--python-version", version, "--python-platform", "aarch64-manylinux_2_34"]
        source = ["--only-binary", ":all:", "--require-hashes", "--requirements", str(self._lock)]
        subprocess.run([*command, *platform, *source, "--target", str(Path(output_dir, "python"))], check=True)
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            _compile(output_dir)
        return True


def _compile(layer: str) -> None:
    """Spare each cold start a compilation of the layer: Lambda can't keep one, as its /opt is read-only.

    Only the function's own version of Python can do it; without it the layer works all the same.
    """
    # Hashes, since zipping changes the files' times; unchecked, since nothing edits a layer.
    mode = PycInvalidationMode.UNCHECKED_HASH
    compile_dir(layer, quiet=1, stripdir=layer, prependdir="/opt", invalidation_mode=mode)
