"""One embedded cloud, bootstrapped and deployed to by the real CDK CLI, for the tests of a deployment's life."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.environment import DIRECTORY_VARIABLE
from tests.agent_image.turn_server import free_port
from tests.carriers.deployment import CARRIERS

REPOSITORY = Path(__file__).resolve().parents[2]
APPLICATION = ["app.py", "cdk.json", "stacks", "lambda", "agent_image", "relay", "web/release"]
COMMAND_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Kit:
    """A copy of the application, so that a test can edit its bot, and the cloud that it is deployed to."""

    folder: Path
    environment: Mapping[str, str]
    carrier_api_ports: Mapping[str, int]
    """Where the stand-ins of carriers are going to serve their REST APIs."""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy against the embedded cloud."""
        return subprocess.run(
            [sys.executable, "-m", "local", "exec", "--", *command],
            cwd=self.folder,
            env={**self.environment, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
        )

    def cdk(self, *arguments: str) -> str:
        """Run the CDK CLI, which must succeed, and return all that it printed."""
        apis = (
            f"telephony.{carrier}_api_url=http://127.0.0.1:{port}" for carrier, port in self.carrier_api_ports.items()
        )
        context = [part for value in ("env=local", *apis) for part in ("-c", value)]
        done = self.run(str(REPOSITORY / "node_modules/.bin/cdk"), *arguments, *context)
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"cdk {' '.join(arguments)} exited {done.returncode}:\n{printed}"
        return printed

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Place a call with the operator's command."""
        return self.run(sys.executable, "-m", "switchboard", "call", "--env", "local", *arguments)

    @cached_property
    def cloud_variables(self) -> dict[str, str]:
        """The AWS_* variables of a command that runs against the embedded cloud."""
        done = self.run(sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
        variables: dict[str, str] = json.loads(done.stdout)
        return {name: value for name, value in variables.items() if name.startswith("AWS_")}

    def client(self, service: str) -> Any:
        """A boto3 client with the operator's credentials on the embedded cloud."""
        variables = self.cloud_variables
        session: Any = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
        return session.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_REGION"])

    def output(self, stack: str, name: str) -> str:
        """An output of a deployed stack."""
        (description,) = self.client("cloudformation").describe_stacks(StackName=f"switchboard-local-{stack}")["Stacks"]
        values = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
        value: str = values[name]
        return value


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """Start an empty embedded cloud beside a copy of the application; end it after the tests."""
    folder = tmp_path_factory.mktemp("kit")
    for name in APPLICATION:
        source = REPOSITORY / name
        (folder / name).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    environment = {**os.environ, DIRECTORY_VARIABLE: str(folder / "cloud"), "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-m", "local", "up"], cwd=REPOSITORY, env=environment, check=True)
    try:
        yield Kit(
            folder=folder,
            environment=environment,
            carrier_api_ports={carrier: free_port() for carrier in CARRIERS},
        )
    finally:
        subprocess.run([sys.executable, "-m", "local", "down"], cwd=REPOSITORY, env=environment, check=True)


@pytest.fixture(scope="session")
def deployed(kit: Kit) -> Kit:
    """The kit after `cdk bootstrap` and `cdk deploy --all`."""
    kit.cdk("bootstrap")
    kit.cdk("deploy", "--all", "--require-approval", "never")
    return kit


def access_token(kit: Kit, username: str) -> str:
    """Make a confirmed user and return its access token."""
    cognito = kit.client("cognito-idp")
    pool, client = kit.output("connect", "UserPoolId"), kit.output("connect", "UserPoolClientId")
    password = f"{secrets.token_urlsafe(20)}aA1!"
    cognito.admin_create_user(UserPoolId=pool, Username=username, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


@pytest.fixture(scope="session")
def alice(deployed: Kit) -> str:
    """The access token of one user."""
    return access_token(deployed, "alice")


@pytest.fixture(scope="session")
def bob(deployed: Kit) -> str:
    """The access token of another user."""
    return access_token(deployed, "bob")


@pytest.fixture(scope="session")
def token(deployed: Kit) -> str:
    """The access token of a program that may place calls."""
    pool, client_id = deployed.output("connect", "UserPoolId"), deployed.output("telephony", "CallsClientId")
    client = deployed.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client_id)
    # The output names Cognito's own host, which is not this machine; the issuer's metadata say the same (RFC 8414).
    issuer = deployed.output("connect", "Issuer")
    answer = httpx.post(
        httpx.get(f"{issuer}/.well-known/openid-configuration").json()["token_endpoint"],
        data={"grant_type": "client_credentials", "scope": "switchboard/calls"},
        auth=(client_id, client["UserPoolClient"]["ClientSecret"]),
    )
    access_token: str = answer.raise_for_status().json()["access_token"]
    return access_token


@pytest.fixture
def api(deployed: Kit, token: str) -> httpx.AsyncClient:
    """The API, for whoever places calls."""
    return httpx.AsyncClient(
        base_url=deployed.output("connect", "ApiUrl"), headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


def request(kit: Kit, method: str, path: str, token: str | None, body: object = None) -> httpx.Response:
    """Ask the deployed connect API."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = kit.output("connect", "ApiUrl").rstrip("/") + path
    return httpx.request(method, url, headers=headers, json=body, timeout=30)
