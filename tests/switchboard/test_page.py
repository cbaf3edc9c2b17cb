"""The `page` command: what it tells, and that its user is gone afterwards."""

import os
import signal
import threading
import time

import pytest
from typer.testing import CliRunner, Result

from switchboard.cli import app
from switchboard.page import until_interrupted
from tests.switchboard.conftest import Aws

PAGE = "https://d111111abcdef8.cloudfront.net"
API = "https://api.example"


@pytest.fixture(autouse=True)
def _somebody_looks(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> None:
    monkeypatch.setattr("switchboard.cli.until_interrupted", lambda: aws.cognito_calls.append(("looks", {})))


def show() -> Result:
    return CliRunner().invoke(app, ["page", "--region", "us-east-1"])


def test_tells_the_address_and_a_user_who_is_deleted_in_the_end(aws: Aws) -> None:
    aws.expect_outputs(api_url=API)
    aws.expect_stack("switchboard-dev-web", PageUrl=PAGE)
    aws.expect_temporary_user(signs_in=False)
    done = show()
    assert done.exit_code == 0, done.output
    assert PAGE in done.output
    assert aws.passwords()[0] in done.output
    assert [name for name, _ in aws.cognito_calls][-2:] == ["looks", "AdminDeleteUser"]
    aws.cognito.assert_no_pending_responses()


def test_users_of_another_issuer_are_not_made_here(aws: Aws) -> None:
    aws.expect_outputs(api_url=API, Issuer="https://login.example.com")
    aws.expect_stack("switchboard-dev-web", PageUrl=PAGE)
    done = show()
    assert (done.exit_code, aws.cognito_calls) == (0, [])
    assert PAGE in done.output


def test_a_deployment_without_a_page_says_so_and_makes_no_user(aws: Aws) -> None:
    aws.expect_outputs(api_url=API)
    aws.cloudformation.add_client_error(
        "describe_stacks", "ValidationError", "Stack switchboard-dev-web does not exist"
    )
    done = show()
    assert (done.exit_code, aws.cognito_calls) == (15, [])
    assert "web.enabled" in done.output


def test_waits_for_a_signal_and_lives_on() -> None:
    began = time.monotonic()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    until_interrupted()
    assert time.monotonic() - began >= 0.2
