"""One deployment and one user for all tests of the page; where they can't run, they say so."""

from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.browser import microphone
from tests.browser.chromium import missing
from tests.browser.daily_world import DailyWorld, open_account
from tests.browser.visit import Visit, open_visit
from tests.browser.world import Account, World, deploy, open_world
from tests.networks.fixtures import skipping_where_not_permitted

type OpenVisit = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="session")
def world(pytestconfig: pytest.Config) -> Iterator[World]:
    """Everything deployed, in a machine of its own."""
    if what := missing():
        message = f"no browser, so nothing was proven of the page: {what}"
        if pytestconfig.getoption("--require-networks"):
            pytest.fail(message)
        pytest.skip(message)
    with skipping_where_not_permitted(pytestconfig), open_world() as opened:
        deploy(opened)
        yield opened


@pytest.fixture(scope="session")
def account(world: World) -> Account:
    return world.add_account()


@pytest.fixture(scope="session")
def daily(world: World) -> DailyWorld:
    return open_account(world)


@pytest.fixture(scope="session")
def speech(world: World) -> Path:
    """Two turns of a caller, again and again."""
    return microphone.record(world.directory / "speech.wav", microphone.HOW_ARE_YOU, microphone.MUSIC)


@pytest.fixture
def visit(world: World, speech: Path) -> OpenVisit:
    """Opens a browser: see `open_visit`."""

    def opening(*, ignore: tuple[str, ...] = (), also: Set[str] = frozenset()) -> AbstractContextManager[Visit]:
        return open_visit(world, speech=speech, ignore=ignore, also=also)

    return opening
