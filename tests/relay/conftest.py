"""The relay's fixtures: one process with its cloud for most tests of a module."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.relay.process import Cloud, RelayProcess, run_cloud, run_relay


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    async with run_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def relay(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RelayProcess]:
    log: Path = tmp_path_factory.mktemp("relay") / "log"
    async with run_relay(cloud, log=log) as running:
        yield running
