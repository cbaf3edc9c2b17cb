"""What the whole suite shares: the options that say whether real networks must work, and how long a soak is."""

from pathlib import Path

import pytest

SOAK = Path(__file__).parent / "soak"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-networks",
        action="store_true",
        help="fail where network namespaces are not permitted, instead of skipping the tests that need them",
    )
    parser.addoption(
        "--minutes", type=float, default=11.5, help="length of a soak's calls (tests/soak; 11.5 unless told)"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A soak runs only when it is named: it takes more than 11 minutes."""
    named = any(Path(argument.partition("::")[0]).resolve().is_relative_to(SOAK) for argument in config.args)
    return True if collection_path == SOAK and not named else None
