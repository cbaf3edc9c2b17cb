"""One embedded cloud for all tests of this folder, started and ended as its user does it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local import processes
from local.environment import DIRECTORY_VARIABLE, command_environment
from local.state import ACCOUNT_ID, PROJECT_DIRECTORY, REGION, CloudDirectory, CloudState

Resources = Mapping[str, Mapping[str, Any]]
LocalCommand = Callable[..., subprocess.CompletedProcess[str]]
MakeUser = Callable[..., Any]


@dataclass(frozen=True)
class Stack:
    """How a stack ended; the reasons are the newest first."""

    status: str
    outputs: Mapping[str, str]
    reasons: list[str]


@dataclass(frozen=True)
class Cloud:
    """A running cloud and how to reach it."""

    directory: CloudDirectory
    state: CloudState

    def client(self, service: str, *, access_key_id: str = "", secret_access_key: str = "") -> Any:
        """Return a client that signs with the given key, or with the operator's."""
        return _client(
            self.state.endpoint,
            service,
            access_key_id or self.state.access_key_id,
            secret_access_key or self.state.secret_access_key,
        )

    def deploy(self, stack: str, resources: Resources, **outputs: Any) -> Stack:
        """Create a stack, or update it, and return how that ended."""
        template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
        cloudformation = self.client("cloudformation")
        exists = stack in {found["StackName"] for found in cloudformation.describe_stacks()["Stacks"]}
        change = cloudformation.update_stack if exists else cloudformation.create_stack
        change(StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
        return self._settled(stack)

    def destroy(self, stack: str) -> Stack:
        """Delete a stack and return how that ended."""
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=stack)
        return self._settled(stack_id)

    def _settled(self, stack: str) -> Stack:
        cloudformation = self.client("cloudformation")
        deadline = time.monotonic() + 60
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        while found["StackStatus"].endswith("IN_PROGRESS"):
            assert time.monotonic() < deadline, f"{stack} is still {found['StackStatus']}"
            time.sleep(0.02)
            found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return Stack(
            status=found["StackStatus"],
            outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
            reasons=[event["ResourceStatusReason"] for event in events if "ResourceStatusReason" in event],
        )

    def docker(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the docker stand-in as the CDK CLI does."""
        environment = command_environment(self.state, self.directory)
        command = [environment["CDK_DOCKER"], *arguments]
        return subprocess.run(command, cwd=cwd, env=environment, input="", capture_output=True, text=True)


@cache
def _client(endpoint: str, service: str, access_key_id: str, secret_access_key: str) -> Any:
    session: Any = boto3.Session(access_key_id, secret_access_key, region_name=REGION)
    settings = Config(retries={"total_max_attempts": 1}, proxies={})
    return session.client(service, endpoint_url=endpoint, config=settings)


@pytest.fixture(scope="session")
def local_command() -> LocalCommand:
    """`python -m local …` on a cloud in the given directory."""

    def run(*command: str, directory: Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, DIRECTORY_VARIABLE: str(directory)}
        arguments = [sys.executable, "-m", "local", *command]
        return subprocess.run(arguments, cwd=PROJECT_DIRECTORY, env=environment, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, local_command: LocalCommand) -> Iterator[Cloud]:
    """A cloud that is empty but for what the tests leave in it."""
    directory = CloudDirectory(path=tmp_path_factory.mktemp("switchboard") / "cloud")
    up = local_command("up", directory=directory.path)
    state = directory.read_state()
    assert state, up.stderr
    yield Cloud(directory=directory, state=state)
    local_command("down", directory=directory.path)
    assert processes.session_members(state.pid) == []


@pytest.fixture(scope="session")
def user(cloud: Cloud) -> MakeUser:
    """Make an IAM user with these policy statements and return its client of a service."""

    def make(name: str, service: str, *statements: Mapping[str, Any]) -> Any:
        iam = cloud.client("iam")
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="permissions", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return cloud.client(service, access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])

    return make


@pytest.fixture(scope="session")
def image(cloud: Cloud) -> str:
    """The URI of an agent's image."""
    return push_image(cloud, "agents", context=Path(__file__).parent / "agent")


def push_image(cloud: Cloud, repository: str, *, context: Path) -> str:
    """Push an image into a new repository as the CDK CLI does, and return its URI."""
    cloud.client("ecr").create_repository(repositoryName=repository)
    registry = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
    asset, uri = f"cdkasset-{repository}", f"{registry}/{repository}:abc123"
    for command in (
        ("login", "--username", "AWS", "--password-stdin", registry),
        ("build", "--tag", asset, "--platform", "linux/arm64", "."),
        ("tag", asset, uri),
        ("push", uri),
    ):
        done = cloud.docker(*command, cwd=context)
        assert done.returncode == 0, done.stderr
    return uri
