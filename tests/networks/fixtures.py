"""The fixture of the tests that need real networks; where these are not permitted it says so."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.networks.lab import NotPermittedError
from tests.networks.place import Place, open_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Place]:
    """One place for all tests."""
    with skipping_where_not_permitted(pytestconfig), open_place(directory=tmp_path_factory.mktemp("place")) as opened:
        yield opened


@contextmanager
def skipping_where_not_permitted(config: pytest.Config) -> Iterator[None]:
    """Skip, and say so, where namespaces can't be made; fail there under --require-networks."""
    try:
        yield
    except NotPermittedError as error:
        message = f"network namespaces are not permitted here, so nothing was proven in networks ({error}); be root"
        if config.getoption("--require-networks"):
            pytest.fail(message)
        pytest.skip(message)
