"""What the whole suite shares: the options that say whether real networks must work, and how long a soak is."""

from pathlib import Path

import pytest

ONLY_WHEN_NAMED = tuple(Path(__file__).parent / name for name in ("arm64", "soak"))


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
    """A soak and the arm64 image run only when they are named: each takes more than 11 minutes."""
    if collection_path not in ONLY_WHEN_NAMED:
        return None
    named = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(collection_path) for path in named) else True
