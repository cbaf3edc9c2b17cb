"""What a command that runs against the embedded cloud sees of the user's environment."""

import os
from pathlib import Path

import pytest

from local.environment import cloud_environment, command_environment
from local.state import CloudDirectory, CloudState

DIRECTORY = CloudDirectory(path=Path("/cloud"))
STATE = CloudState(
    endpoint="http://127.0.0.1:4000", pid=1, started="", access_key_id="AKIAOPERATOR", secret_access_key="its secret"
)


@pytest.fixture(autouse=True)
def the_users_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "the user's")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")


def test_a_command_reaches_the_embedded_cloud_and_no_account() -> None:
    environment = command_environment(STATE, DIRECTORY)

    assert {name: value for name, value in environment.items() if name.startswith(("AWS_", "CDK_"))} == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4000",
        "AWS_ACCESS_KEY_ID": "AKIAOPERATOR",
        "AWS_SECRET_ACCESS_KEY": "its secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_HOME": "/cloud/cdk",
        "CDK_DOCKER": str(Path(__file__).parents[2] / "local" / "docker"),
    }


def test_a_command_trusts_the_clouds_own_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "the user's")

    assert command_environment(STATE, DIRECTORY)["SSL_CERT_FILE"] == "/cloud/ca-bundle.pem"


def test_a_proxy_is_kept_away_from_this_machine_and_else_kept() -> None:
    environment = command_environment(STATE, DIRECTORY)

    assert environment["HTTP_PROXY"] == "http://proxy:3128"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1"


def test_the_cloud_itself_gets_nothing_of_the_users_account() -> None:
    environment = cloud_environment(DIRECTORY, port=4000)

    assert "the user's" not in {value for name, value in environment.items() if name.startswith("AWS_")}
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4000"
