"""What the environment must hold."""

import resource
import subprocess
import sys

import pytest

from relay.settings import SettingsError, load_settings
from tests.relay.agentcore import RUNTIME_ARN
from tests.relay.aws import KEY_SECRET_ARN
from tests.relay.process import ROOT

ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
    "SWITCHBOARD_ENDPOINT_NAME": "live",
    "SWITCHBOARD_RELAY_KEY_SECRET_ARN": KEY_SECRET_ARN,
    "SWITCHBOARD_CALL_TABLE_NAME": "calls",
}


def test_the_public_endpoints_are_the_default() -> None:
    settings = load_settings(environ=ENVIRONMENT)
    assert settings.endpoints == {
        "bedrock-agentcore": "https://bedrock-agentcore.us-east-1.amazonaws.com",
        "dynamodb": "https://dynamodb.us-east-1.amazonaws.com",
        "secretsmanager": "https://secretsmanager.us-east-1.amazonaws.com",
    }
    assert (settings.port, settings.max_streams, settings.host, settings.ca_file) == (8080, 300, "", "")


def test_a_service_s_own_endpoint_goes_before_that_of_all() -> None:
    named = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1/", "AWS_ENDPOINT_URL_DYNAMODB": "https://127.0.0.1:2"}
    endpoints = load_settings(environ=ENVIRONMENT | named).endpoints
    assert endpoints["dynamodb"] == "https://127.0.0.1:2"
    assert endpoints["secretsmanager"] == endpoints["bedrock-agentcore"] == "http://127.0.0.1:1"


def test_all_mistakes_are_named_at_once() -> None:
    wrong = {"PORT": "0", "SWITCHBOARD_MAX_STREAMS": "many", "AWS_ENDPOINT_URL": "http://me:secret@host"}
    with pytest.raises(SettingsError) as error:
        load_settings(environ=wrong)
    message = str(error.value)
    for name in (*ENVIRONMENT, *wrong):
        assert name in message
    assert "secret@" not in message


def test_the_process_ends_with_2_where_the_environment_is_wrong() -> None:
    run = subprocess.run([sys.executable, "-m", "relay"], cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "SWITCHBOARD_RUNTIME_ARN" in run.stderr
    assert run.stdout == ""


def test_the_process_says_when_it_may_not_open_enough_files() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "relay"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 800)),
    )
    assert run.returncode == 2
    assert "856 open files" in run.stderr
