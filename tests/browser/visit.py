"""One visit of the page with a browser of its own, and what has to be true of every visit."""

import tempfile
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, sync_playwright

from local.kinesisvideo.coturn import RELAY_PORTS
from tests.browser.chromium import open_chromium
from tests.browser.network_log import NetworkLog, place_of, read_network_log
from tests.browser.talk_page import TalkPage
from tests.browser.world import World

_HEARING_AID = Path(__file__).with_name("hearing_aid.js")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What was done during a visit; `network` is there after it."""

    world: World
    browser: Browser
    also: Set[str] = frozenset()
    """Places beside the deployment's own that the page may ask."""
    requested: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def page(self, *, microphone: bool = True, bypass_csp: bool = False, opened: bool = True) -> TalkPage:
        """A tab in a context of its own, with the page in it; `microphone`: the person allows it."""
        context = self.browser.new_context(bypass_csp=bypass_csp, locale="en-US")
        context.add_init_script(path=_HEARING_AID)
        self._watch(context)
        talk = TalkPage(page=context.new_page(), url=self.url)
        if microphone:
            self.allow_microphone(talk)
        if opened:
            talk.open()
        return talk

    def allow_microphone(self, talk: TalkPage) -> None:
        """What a person does in the browser's settings."""
        talk.page.context.grant_permissions(["microphone"], origin=self.url)

    @property
    def url(self) -> str:
        return self.world.outputs["PageUrl"] + "/"

    def _watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requested.add(request.url))
        context.on("console", lambda message: self._note(message))
        context.on("weberror", lambda problem: self.complaints.append(str(problem.error)))

    def _note(self, message: ConsoleMessage) -> None:
        """The identity provider's own page, where one signs in, may say what it likes."""
        of_page = message.page and message.page.url.startswith(self.url)
        if message.type in {"error", "warning"} and of_page:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def check(self, network: NetworkLog) -> None:
        """Nobody outside the policy was spoken to, and the console is clean."""
        page = place_of(self.url)
        servers = {f"127.0.0.1:{self.world.cloud_port}", page}
        may_ask = servers | self.also
        requested = {place_of(url) for url in self.requested if not url.startswith(("data:", "blob:"))}
        _only("requested", network.requested | requested, may_ask)
        _only("connected", network.connected, _addresses({*map(_port, servers), *self.world.turn_ports}))
        _only("sent datagrams", network.sent_datagrams, _addresses({*self.world.turn_ports, *RELAY_PORTS}))
        assert self.complaints == [], self.complaints


def _only(what: str, found: Set[str], allowed: Set[str]) -> None:
    assert found <= allowed, f"{what}: {sorted(found - allowed)}"


def _addresses(ports: Iterable[int]) -> set[str]:
    return {f"{host}:{port}" for host in ("127.0.0.1", "[::1]") for port in ports}


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


@contextmanager
def open_visit(
    world: World, *, speech: Path, ignore: tuple[str, ...] = (), also: Set[str] = frozenset()
) -> Iterator[Visit]:
    """A browser until the end of the block, then the checks. `ignore`: what complaints may contain."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        net_log = Path(folder) / "net-log.json"
        with open_chromium(playwright, world, speech=speech, net_log=net_log) as browser:
            visit = Visit(world=world, browser=browser, also=also)
            yield visit
        visit.complaints[:] = [each for each in visit.complaints if not any(words in each for words in ignore)]
        visit.check(read_network_log(net_log))
