import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from botocore.stub import ANY, Stubber
from typer.testing import CliRunner

from switchboard.audio import trim
from switchboard.cli import app
from switchboard.conversation import Patience
from tests.switchboard.stand_in import SIGNATURE, Script, StandIn, stand_in, tone

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

TOKEN = "eyJraWQiOiJrMSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


class FakeSpeech:
    """Says a tone as long as the words, with silence around it; hears which tone it was."""

    def synthesize(self, text: str, *, sample_rate: int) -> bytes:
        silence = bytes(sample_rate // 5)
        return silence + tone(hertz=440, seconds=0.06 * len(text.split()), sample_rate=sample_rate) + silence

    def transcribe(self, pcm: bytes, *, sample_rate: int) -> str:
        signs = np.signbit(np.frombuffer(trim(pcm), dtype=np.int16))
        cycles = np.count_nonzero(signs[1:] != signs[:-1]) / 2
        return f"a tone of {round(cycles / (len(signs) / sample_rate), -2):.0f} hertz"


@dataclass
class Aws:
    """Stubbed clients, and the operations that the command asked of Cognito."""

    cloudformation: Stubber
    cognito: Stubber
    cognito_client: "CognitoIdentityProviderClient"
    cognito_calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def expect_outputs(self, *, api_url: str, **more: str) -> None:
        self.expect_stack("switchboard-dev-agent", RuntimeVersion="3")
        pool = {"UserPoolId": "us-east-1_pool", "UserPoolClientId": "client", "Issuer": "https://issuer.example"}
        self.expect_stack("switchboard-dev-connect", ApiUrl=api_url, **(more or pool))

    def expect_stack(self, name: str, **outputs: str) -> None:
        stack = {
            "StackName": name,
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": "2026-01-01T00:00:00Z",
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        }
        self.cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": name})

    def expect_temporary_user(self, *, signs_in: bool = True) -> None:
        user = {"UserPoolId": "us-east-1_pool", "Username": ANY}
        self.cognito.add_response("admin_create_user", {}, user | {"MessageAction": "SUPPRESS"})
        self.cognito.add_response("admin_set_user_password", {}, user | {"Password": ANY, "Permanent": True})
        if signs_in:
            self.expect_sign_in()
        self.cognito.add_response("admin_delete_user", {}, user)

    def expect_sign_in(self, **answer: Any) -> None:
        parameters = {
            "UserPoolId": "us-east-1_pool",
            "ClientId": "client",
            "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": ANY, "PASSWORD": ANY},
        }
        answer = answer or {"AuthenticationResult": {"AccessToken": TOKEN}}
        self.cognito.add_response("admin_initiate_auth", answer, parameters)

    def passwords(self) -> list[str]:
        return [call[1]["Password"] for call in self.cognito_calls if call[0] == "AdminSetUserPassword"]


@dataclass(frozen=True)
class Finished:
    """A command that ran against the stand-in."""

    exit_code: int
    stdout: str
    stderr: str
    service: StandIn
    aws: Aws

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stdout)
        return document


@cache
def clients() -> "tuple[CloudFormationClient, CognitoIdentityProviderClient]":
    """Made once: botocore reads large files for each client."""
    session = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1")
    return session.client("cloudformation"), session.client("cognito-idp")


@contextmanager
def patched_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    cloudformation, cognito = clients()
    with Stubber(cloudformation) as cloudformation_stub, Stubber(cognito) as cognito_stub:
        aws = Aws(cloudformation_stub, cognito_stub, cognito)

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            aws.cognito_calls.append((model.name, params))

        cognito.meta.events.register("provide-client-params.cognito-idp", note)
        by_name = {"cloudformation": cloudformation, "cognito-idp": cognito}
        monkeypatch.setattr(boto3, "client", lambda name, **_: by_name[name])
        yield aws
        cognito.meta.events.unregister("provide-client-params.cognito-idp", note)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with patched_aws(monkeypatch) as aws:
        yield aws


@contextmanager
def runner(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Callable[..., Finished]]:
    """Runs the command in an empty folder, with a caller that is less patient than people are."""
    monkeypatch.chdir(folder)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "SWITCHBOARD_TOKEN", "SWITCHBOARD_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("switchboard.cli.load_speech", FakeSpeech)
    hasty = partial(Patience, greeting=0.1, pause=0.1, silence=0.3, hang_up=0.3)
    monkeypatch.setattr("switchboard.cli.Patience", hasty)

    def call(service: StandIn, aws: Aws, *arguments: str) -> Finished:
        result = CliRunner().invoke(app, ["call", "--region", "us-east-1", *arguments])
        finished = Finished(result.exit_code, result.stdout, result.stderr, service, aws)
        output = result.stdout + result.stderr + str(result.exception)
        for secret in (TOKEN, SIGNATURE, service.api_url, service.websocket_url, *aws.passwords()):
            assert secret not in output
        assert result.exception is None or isinstance(result.exception, SystemExit), output
        return finished

    yield call


@pytest.fixture(scope="module")
def loopback() -> Iterator[None]:
    """aioice gathers candidates on every interface but the loopback one; the tests need no other."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])
        yield


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, aws: Aws) -> Iterator[Callable[..., Finished]]:
    """Call a stand-in that follows the script; the deployment and a temporary user are there."""
    with runner(monkeypatch, tmp_path) as run:

        def place(script: Script, *arguments: str) -> Finished:
            with stand_in(script) as service:
                aws.expect_outputs(api_url=service.api_url)
                aws.expect_temporary_user()
                return run(service, aws, *arguments)

        yield place
