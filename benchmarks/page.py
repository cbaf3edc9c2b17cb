"""What the page weighs before a call, and how long it takes from its call button to a bot that listens.

Debian's Chromium in a network namespace, with the page as it is deployed to the embedded cloud, so it needs root.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT), *(str(_ROOT / room) for room in ("agent_image", "lambda"))]

if TYPE_CHECKING:
    from tests.browser.talk_page import TalkPage
    from tests.browser.visit import Visit
    from tests.browser.world import World

_KILOBYTES = 250
_SECONDS = {"WebSocket": 1.0, "WebRTC": 1.2}
_WATCH = """\
() => {
  const main = document.querySelector("main");
  addEventListener("click", () => { window.pressed = performance.now(); }, { capture: true, once: true });
  window.readyAfter = new Promise((resolve) => {
    const look = () => {
      if (/listening|speaking/.test(main.dataset.state)) resolve(performance.now() - window.pressed);
    };
    new MutationObserver(look).observe(main, { attributes: true });
  });
}
"""
_PATIENCE_SECONDS = 60.0


def main() -> None:
    """Print the weight, and the medians beside their limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=7)
    calls = parser.parse_args().calls
    from tests.browser.chromium import missing
    from tests.browser.world import deploy, open_world
    from tests.networks.lab import NotPermittedError

    if what := missing():
        raise SystemExit(what)
    try:
        with open_world() as world:
            deploy(world)
            measure(world, calls=calls)
    except NotPermittedError as error:
        raise SystemExit(f"network namespaces are not permitted here ({error}); run this as root") from None


def measure(world: "World", *, calls: int) -> None:
    """Visit the page once, and call from it."""
    from tests.browser import microphone
    from tests.browser.chromium import Wall, wall
    from tests.browser.visit import open_visit

    speech = microphone.record(world.directory / "speech.wav", microphone.HOW_ARE_YOU)
    with open_visit(world, speech=speech) as visit:
        page = visit.page(opened=False)
        kilobytes = weigh(visit, page) / 1_000
        print(f"page before a call, all that is loaded ahead of it too: {kilobytes:.0f} kB (limit {_KILOBYTES} kB)")
        print(f"\n{'call button to bot ready, seconds':36}{'median':>8}{'least':>8}{'most':>8}{'limit':>8}")
        for transport, limit in _SECONDS.items():
            report(transport, [call(world, page, transport) for _ in range(calls)], limit=f"{limit:.1f}")
        with wall(world, Wall.NO_UDP):
            report("WebRTC, UDP blocked", [call(world, page, "WebRTC") for _ in range(calls)], limit="")


def report(name: str, seconds: list[float], *, limit: str) -> None:
    """Print a line of the table."""
    print(f"{name:36}{statistics.median(seconds):8.2f}{min(seconds):8.2f}{max(seconds):8.2f}{limit:>8}", flush=True)


def weigh(visit: "Visit", page: "TalkPage") -> int:
    """Bytes from the page's own host, headers too, until it can call and has loaded what it loads ahead of a call."""
    own: set[str] = set()
    received: dict[str, int] = {}

    def asks(event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith(visit.url):
            own.add(event["requestId"])

    def came(event: dict[str, Any]) -> None:
        received[event["requestId"]] = event["encodedDataLength"]

    # https://chromedevtools.github.io/devtools-protocol/tot/Network/
    protocol = page.page.context.new_cdp_session(page.page)
    protocol.on("Network.requestWillBeSent", asks)
    protocol.on("Network.loadingFinished", came)
    protocol.send("Network.enable")
    page.open()
    page.sign_in(visit.world.add_account())
    page.page.wait_for_load_state("networkidle")
    return sum(received.get(request, 0) for request in own)


def call(world: "World", page: "TalkPage", transport: str) -> float:
    """Seconds from the press of the button to the bot's readiness, with an agent that was started ahead."""
    from tests.networks.waiting import wait_until

    wait_until(world.agent_waits, within=_PATIENCE_SECONDS)
    page.page.evaluate(_WATCH)
    page.call(transport)
    milliseconds: float = page.page.evaluate("readyAfter")
    agent = world.agent_in_call()
    page.hang_up()
    wait_until(lambda: not Path(f"/proc/{agent}").exists(), within=_PATIENCE_SECONDS)
    return milliseconds / 1_000


if __name__ == "__main__":
    main()
