"""The image: what its Dockerfile promises, and what its lock installs for AgentCore's arm64."""

import itertools
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent_image.agent_process import IMAGE

DOCKERFILE = (IMAGE / "Dockerfile").read_text().replace("\\\n", " ")
LARGEST_MEGABYTES = 375
ELF_AARCH64 = 183
SITE_PACKAGES = "/opt/agent/lib/python3*/site-packages"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)", DOCKERFILE, re.MULTILINE)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AWS set, unpacked as on an arm64 machine and trimmed as the Dockerfile does."""
    target = tmp_path_factory.mktemp("packages")
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(target)]
    command += ["--no-deps", "--require-hashes"]
    command += ["--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.13"]
    command += ["--only-binary", ":all:", "--no-binary", "docopt", "--build-constraints", "requirements-build.txt"]
    subprocess.run([*command, "-r", "requirements.txt"], cwd=IMAGE, check=True)
    (trim,) = [command for command in instructions("RUN") if command.startswith(f"cd {SITE_PACKAGES} ")]
    trim = trim.replace(SITE_PACKAGES, str(target)).replace("/build/", f"{IMAGE}/")
    subprocess.run(["/bin/sh", "-e", "-c", trim], check=True)
    return target


def test_the_locked_packages_are_small_enough_for_a_quick_start(packages: Path) -> None:
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())

    assert 100e6 < size < LARGEST_MEGABYTES * 1e6


def test_every_binary_of_the_lock_is_for_arm64(packages: Path) -> None:
    machines = {}
    for library in packages.rglob("*.so*"):
        header = library.read_bytes()[:20]
        if header.startswith(b"\x7fELF"):
            machines[library.name] = struct.unpack_from("<H", header, 18)[0]

    assert len(machines) > 20
    assert {name for name, machine in machines.items() if machine != ELF_AARCH64} == set()


def test_dead_weight_is_left_out(packages: Path) -> None:
    installed = {path.name.split("-")[0].lower().replace("_", "-") for path in packages.glob("*.dist-info")}

    assert {"pipecat-ai", "bedrock-agentcore", "docopt"} <= installed
    assert installed & {*(IMAGE / "excludes.txt").read_text().split(), "llvmlite", "espeakng-loader"} == set()


def test_every_service_of_aws_that_the_agent_calls_is_described(packages: Path) -> None:
    sources = [*IMAGE.rglob("*.py"), *(packages / "pipecat/services/aws").rglob("*.py")]
    calls = [re.findall(r"(?:create_client|load_models)\(([^)]+)\)", path.read_text()) for path in sources]
    called = {name for arguments in itertools.chain(*calls) for name in re.findall(r'"([a-z-]+)"', arguments)}
    described = {path.name for path in (packages / "botocore/data").iterdir() if path.is_dir()}

    assert {"bedrock-agentcore", "bedrock-runtime", "polly", "secretsmanager"} <= called
    assert called <= described


def test_what_is_trimmed_is_linked_by_nothing(packages: Path) -> None:
    binaries = [path for path in packages.rglob("*.so*") if path.read_bytes()[:4] == b"\x7fELF"]

    assert not [*packages.glob("onnxruntime/capi/libonnxruntime.so*")]
    assert [path.name for path in binaries if b"libonnxruntime.so" in path.read_bytes()] == []


def test_the_process_is_started_without_a_shell_as_a_numeric_user() -> None:
    assert [json.loads(command) for command in instructions("CMD")] == [["python", "server.py"]]
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert instructions("EXPOSE") == ["8080"]


def test_the_base_image_can_be_chosen_and_is_pinned() -> None:
    (default,) = re.findall(r"^ARG BASE_IMAGE=(.+)", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(r"public\.ecr\.aws/docker/library/python:3\.13\.\d+-slim-\w+", default)
    assert [image.split()[0] for image in instructions("FROM")] == ["${BASE_IMAGE}", "${BASE_IMAGE}"]


def test_everything_installed_is_checked_against_its_hash() -> None:
    installs = re.findall(r"pip install .+", DOCKERFILE)

    assert len(installs) == 2
    assert all("--require-hashes" in command for command in installs)


def test_the_health_check_asks_for_ping_with_what_the_image_has() -> None:
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (.+)", DOCKERFILE, re.MULTILINE)
    python, option, program = json.loads(check)

    assert (python, option) == ("python", "-c")
    assert compile(program, "health check", "exec")
    assert "urlopen('http://127.0.0.1:8080/ping'" in program
