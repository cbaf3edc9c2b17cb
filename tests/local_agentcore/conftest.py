"""The fixtures of the data plane's tests: one cloud a module, and a fresh one for tests that count its processes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.local_agentcore.cloud import Cloud, serve


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    async with serve(tmp_path_factory.mktemp("logs")) as cloud:
        yield cloud


@pytest.fixture
def cloud(served: Cloud) -> Cloud:
    """A cloud for tests that run in their module's event loop."""
    served.control_plane.reset()
    return served


@pytest.fixture
async def fresh_cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with serve(tmp_path) as cloud:
        yield cloud
