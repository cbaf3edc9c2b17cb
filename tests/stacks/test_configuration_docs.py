import pytest

from stacks.configuration.context import field_schemas
from stacks.configuration_docs import COMMAND, PAGE, render
from stacks.parameters import Parameters


def test_the_page_is_up_to_date() -> None:
    if PAGE.read_text(encoding="utf-8") != render():
        pytest.fail(f"docs/configuration.md is stale: run `{COMMAND}`")


def test_every_parameter_has_one_row() -> None:
    lines = render().split("## General")[1].splitlines()

    for name in field_schemas(Parameters):
        assert len([line for line in lines if line.startswith(f"| `{name}` |")]) == 1, name


def test_every_row_has_as_many_cells_as_its_header() -> None:
    tables = [block for block in render().split("\n\n") if block.startswith("| ")]

    assert len(tables) == 12
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
