"""Pictures of the page in every state, light and dark, wide and narrow, from real calls (`make screenshots`)."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Route

from tests.browser import microphone
from tests.browser.chromium import Wall, missing, wall
from tests.browser.daily_world import PLACE, DailyWorld, open_account
from tests.browser.talk_page import TalkPage
from tests.browser.visit import Visit, open_visit
from tests.browser.world import REPOSITORY, Account, World, deploy, open_world
from tests.networks.lab import NotPermittedError

DIRECTORY = REPOSITORY / ".switchboard" / "screenshots"
# Those that the README shows.
SHOWN = ("speaking-light-wide", "listening-dark-phone")
SHOWN_DIRECTORY = REPOSITORY / "docs" / "screenshots"

_SIZES = {"wide": (1280, 800), "phone": (390, 844)}
_TRIES = 20
_SETTLED_MILLISECONDS = 700  # for the style's transitions, and for words to come and levels to rise
_SENTENCES = (microphone.HOW_ARE_YOU, microphone.WHAT_TIME, microphone.MUSIC)
_CONNECTION = ".diagnostics"
_NEVER_ANSWERED = "() => { navigator.mediaDevices.getUserMedia = () => new Promise(() => {}) }"
_LOSSES = ("Failed to load resource", "signaling socket closed unexpectedly")


def say(line: str) -> None:
    """Tell who waits."""
    sys.stdout.write(f"{line}\n")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Takes the four pictures of a state."""

    directory: Path

    def take(self, page: TalkPage, name: str, *, state: str | None = None, of: str = "body") -> None:
        """`state` is what the page has to be in before and after each picture; by default the name is one.

        `of`: selects what has to be in the picture.
        """
        state = state or name
        for scheme in ("light", "dark"):
            for size, (width, height) in _SIZES.items():
                page.page.emulate_media(color_scheme=scheme)
                page.page.set_viewport_size({"width": width, "height": height})
                self._shoot(page, state, of, self.directory / f"{name}-{scheme}-{size}.png")
        say(f"{name}: {page.page.locator('main').inner_text().splitlines()[0]}")

    def _shoot(self, page: TalkPage, state: str, of: str, path: Path) -> None:
        for _ in range(_TRIES):
            page.wait_for(state)
            page.page.locator(of).evaluate("(element) => element.scrollIntoView({ block: 'start' })")
            page.page.wait_for_timeout(_SETTLED_MILLISECONDS)
            page.page.screenshot(path=path)
            if page.state == state:
                return
        raise TimeoutError(f"the page was never {state} for long enough")


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the scenes work with."""

    world: World
    account: Account
    daily: DailyWorld
    speech: Path
    camera: Camera


@contextmanager
def held(page: TalkPage, url: str) -> Iterator[Callable[[], None]]:
    """Hold the page's requests to a URL back until it is told to go on, as a slow service would."""
    routes: list[Route] = []
    page.page.route(url, lambda route: routes.append(route))

    def go_on() -> None:
        for route in routes:
            route.continue_()
        page.page.unroute(url)

    yield go_on


def a_call(session: Session, visit: Visit) -> None:
    """From the sign-in to the end of a call over WebRTC."""
    page, take = visit.page(), session.camera.take
    take(page, "signed-out")
    page.sign_in(session.account)
    take(page, "idle")
    with held(page, "**/start") as go_on:
        page.call("WebRTC")
        take(page, "connecting")
        go_on()
    page.wait_for_answers(len(_SENTENCES))
    take(page, "speaking")
    take(page, "listening")
    page.open_connection()
    take(page, "connection", state="listening", of=_CONNECTION)
    page.button("Connection").click()
    page.button("Mute").click()
    take(page, "muted", state="listening")
    page.hang_up()
    take(page, "ended")
    page.open_connection()
    page.button("Test my network").click()
    page.page.locator("[data-outcome=reachable]").first.wait_for()
    take(page, "self-test", state="ended", of=_CONNECTION)


def a_denied_microphone(session: Session, visit: Visit) -> None:
    """Nobody answers the browser's question, then somebody says no."""
    page = visit.page(microphone=False)
    page.sign_in(session.account)
    page.page.evaluate(_NEVER_ANSWERED)
    page.call("WebSocket")
    session.camera.take(page, "asking")
    page.page.reload()
    page.page.locator("main:not([data-state=asking])").wait_for()
    if page.state == "signed-out":
        page.button("Sign in").click()
        page.wait_for("idle")
    page.call("WebSocket")
    session.camera.take(page, "failed-microphone-denied", state="failed")


def a_lost_call(session: Session, visit: Visit) -> None:
    """The connection goes, and with it the agent."""
    page = visit.page()
    page.sign_in(session.account)
    page.call("WebSocket")
    page.wait_for_answers(1)
    with held(page, "**/url") as go_on:
        with wall(session.world, Wall.RESET):
            page.wait_for("reconnecting")
        session.camera.take(page, "reconnecting")
        os.kill(session.world.agent_in_call(), signal.SIGKILL)
        go_on()
    session.camera.take(page, "failed-dropped", state="failed")


def no_way(session: Session, visit: Visit) -> None:
    """A network that lets nothing through."""
    page = visit.page()
    page.sign_in(session.account)
    with wall(session.world, Wall.RESET):
        page.call("WebRTC")
        session.camera.take(page, "failed-unreachable", state="failed")


def a_call_in_a_room(session: Session, visit: Visit) -> None:
    """Over Daily, with a guest."""
    page = visit.page()
    session.daily.serve(page.page.context)
    page.sign_in(session.account)
    page.call("Daily")
    page.wait_for_answers(1)
    session.daily.let_in(page.copy_invitation())
    page.wait_for_words("notice", "has left the call")
    session.camera.take(page, "daily", state="listening", of="main")
    page.hang_up()


SCENES = (a_call, a_denied_microphone, a_lost_call, no_way, a_call_in_a_room)


def main() -> None:
    """Deploy, play the scenes, and put the README's pictures where it shows them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    directory: Path = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(REPOSITORY / "agent_image"))
    if what := missing():
        raise SystemExit(what)
    try:
        with open_world() as world:
            deploy(world)
            take_all(world, directory)
    except NotPermittedError as error:
        raise SystemExit(f"network namespaces are not permitted here ({error}); run this as root") from None
    SHOWN_DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name in SHOWN:
        shutil.copy(directory / f"{name}.png", SHOWN_DIRECTORY)
    say(f"{len(list(directory.glob('*.png')))} pictures in {directory}, the README's in {SHOWN_DIRECTORY}")


def take_all(world: World, directory: Path) -> None:
    """Play each scene in a browser of its own."""
    session = Session(
        world=world,
        account=world.add_account("ada"),
        daily=open_account(world),
        speech=microphone.record(world.directory / "speech.wav", *_SENTENCES),
        camera=Camera(directory=directory),
    )
    for scene in SCENES:
        with open_visit(world, speech=session.speech, ignore=_LOSSES, also={PLACE}) as visit:
            scene(session, visit)


if __name__ == "__main__":
    main()
