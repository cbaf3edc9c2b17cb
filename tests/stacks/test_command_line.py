"""The real CDK CLI: no account, no credentials, no home; and mistakes told in a sentence."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from app import ENDPOINT_VARIABLES, deployed_parameters
from stacks.parameters import ParameterError
from tests.stacks.synthesis import CONTEXT, PARTS, ROOT

ELSEWHERE: Final = "http://127.0.0.1:4566"


def test_synth_needs_no_credentials_and_asks_for_none(tmp_path: Path) -> None:
    # The CLI installs the layers of the named stacks alone: this one has none, so no package index is needed.
    outcome = _synth("--exclusively", "switchboard-prod-agent", "-c", "env=prod", home=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "WARN" not in outcome.stderr
    written = {path.name for path in (tmp_path / "cdk.out").glob("*.template.json")}
    assert written == {f"switchboard-prod-{part}.template.json" for part in ("encryption", *PARTS)}


def test_mistakes_in_the_parameters_are_told_without_a_traceback(tmp_path: Path) -> None:
    outcome = _synth("-c", "agent.idle_timeout_seconds=5", "-c", "network.nat_gateway=one", home=tmp_path)
    assert outcome.returncode == 1
    assert "agent.idle_timeout_seconds" in outcome.stderr
    assert "network.nat_gateways" in outcome.stderr
    assert "Traceback" not in outcome.stderr + outcome.stdout


def _synth(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run `npx cdk synth` with nothing in the environment but the tools, and an empty home."""
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": str(home),
        # Unpacking jsii's modules again would take as long as the test.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache" / "aws" / "jsii" / "package-cache"),
    }
    command = ["npx", "cdk", "synth", "--quiet", "--output", str(home / "cdk.out"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("variables", "given", "endpoint_url"),
    [
        ({}, None, None),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"}, None, "http://127.0.0.1:4566"),
        (
            {"AWS_ENDPOINT_URL": ELSEWHERE, "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "https://agent.example.com"},
            None,
            "https://agent.example.com",
        ),
        ({"AWS_ENDPOINT_URL": ELSEWHERE}, "https://given.example.com", "https://given.example.com"),
    ],
)
def test_the_page_reaches_agentcore_where_the_deployment_does(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], given: str | None, endpoint_url: str | None
) -> None:
    for name in ENDPOINT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    context = {**CONTEXT, **({"connect.agentcore_endpoint_url": given} if given else {})}
    assert deployed_parameters(context).connect.agentcore_endpoint_url == endpoint_url


def test_an_endpoint_that_no_page_can_be_told_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/aws")
    with pytest.raises(ParameterError, match=r"connect\.agentcore_endpoint_url\n  got: .http://127.0.0.1:4566/aws"):
        deployed_parameters(CONTEXT)
