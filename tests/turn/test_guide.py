"""The commands of AWS's CLI that the guide gives name real operations and real options of them."""

import re
import shlex
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

GUIDE = Path(__file__).parents[2] / "docs" / "turn.md"


def commands() -> list[str]:
    text = GUIDE.read_text().replace("\\\n", " ")
    return [re.sub(r"\s+", " ", command) for command in re.findall(r"(?:^ *|`)(aws [^`\n]+)", text, re.MULTILINE)]


def test_the_guide_has_commands() -> None:
    assert len(commands()) >= 5


@pytest.mark.parametrize("command", commands())
def test_a_command_names_an_operation_and_its_options(command: str) -> None:
    _, service, name, *words = shlex.split(command)
    model = botocore.session.get_session().get_service_model(service)
    (operation,) = [found for found in model.operation_names if xform_name(found, "-") == name]
    shape = model.operation_model(operation).input_shape
    assert shape
    options = {f"--{xform_name(member, '-')}" for member in shape.members}
    assert {word for word in words if word.startswith("--")} <= options
