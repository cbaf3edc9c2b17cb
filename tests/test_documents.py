"""The commands and links that the documents give a reader exist and are spelled right."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from switchboard.cli import app

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "evals" / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def commands() -> list[str]:
    """Every line of every `sh` block, without repetition."""
    blocks = [block for path in DOCUMENTS for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL)]
    return sorted({line for block in blocks for line in block.splitlines() if line})


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("make ")])
def test_make_knows_the_verb(command: str) -> None:
    subprocess.run(["/bin/bash", "-c", command.replace("make ", "make -n ", 1)], cwd=REPOSITORY, check=True)


def test_no_command_is_of_a_kind_that_is_not_tested() -> None:
    kinds = ("make ", "npx cdk ", "python benchmarks/", ". .venv/bin/activate")
    assert [command for command in commands() if not command.startswith(kinds)] == []


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("python ")])
def test_the_benchmark_is_there(command: str) -> None:
    subprocess.run([sys.executable, "-m", "py_compile", *command.split()[1:]], cwd=REPOSITORY, check=True)


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("npx cdk ")])
def test_cdk_commands_name_real_parameters(command: str) -> None:
    """`cdk list` reads all parameters that the command gives, and changes nothing."""
    parameters = re.findall(r"-c \S+", command)
    listing = ["node_modules/.bin/cdk", "list", *(part for parameter in parameters for part in parameter.split(" ", 1))]
    listed = subprocess.run(listing, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    assert "connect" in listed


def test_exit_codes_of_the_readme_are_the_commands_own() -> None:
    told = CliRunner().invoke(app, ["call", "--help"]).output
    codes = re.findall(r"exits (\d+)", (REPOSITORY / "README.md").read_text())
    assert codes == ["10", "11", "12", "13", "14"]
    assert all(re.search(rf"\b{code}\b", told) for code in codes)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []
