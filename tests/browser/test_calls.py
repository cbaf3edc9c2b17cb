"""People talk from the page: over a WebSocket, over WebRTC by UDP, and over WebRTC where UDP is blocked."""

import re
from contextlib import suppress
from ipaddress import ip_address

from playwright.sync_api import expect

from tests.browser.chromium import Wall, wall
from tests.browser.conftest import OpenVisit
from tests.browser.talk_page import PATIENCE_SECONDS, TalkPage
from tests.browser.world import Account, World
from tests.kinesisvideo.conftest import needs_coturn
from tests.networks.waiting import wait_until

# What is promised on a quiet machine is measured by benchmarks/page.py; here a slow one has to do.
READY_SECONDS = 10.0
QUICKEST_MILLISECONDS, SLOWEST_MILLISECONDS = 200, 8_000
MOVING = 20  # of a meter's 100
AUDIBLE = 0.005  # root mean square; full scale is 1
# JSON Web Tokens, URLs, and what ICE authenticates with.
_SECRETS = re.compile(r"eyJ|Bearer|ufrag|\w+://|turns?:")


def addresses(text: str) -> list[str]:
    """The IP addresses in a text."""
    found = []
    for word in re.findall(r"[0-9A-Fa-f.:]+", text):
        with suppress(ValueError):
            found.append(str(ip_address(word.strip(".:"))))
    return found


def talk(page: TalkPage, *, turns: int) -> None:
    """One or two turns: what the microphone heard is understood, and answered in words and in sound."""
    page.wait_for_words("bot", "How can I help you")
    page.wait_for_words("caller", "how are you")
    page.wait_for_words("bot", "You said: How are you")
    if turns > 1:
        page.wait_for_words("caller", "music")
        page.wait_for_words("bot", "music")
    answers = page.wait_for_answers(turns)
    assert all(QUICKEST_MILLISECONDS < each < SLOWEST_MILLISECONDS for each in answers), answers


def end(page: TalkPage) -> None:
    """Hang up; the session, which is billed, ends with the call."""
    with page.page.expect_response(lambda answer: answer.request.method == "DELETE") as ended:
        page.hang_up()
    assert ended.value.status == 204


def test_a_call_over_a_websocket(world: World, account: Account, visit: OpenVisit) -> None:
    with visit() as browser:
        page = browser.page()
        page.sign_in(account)
        page.call("WebSocket")
        assert page.wait_for("listening", "speaking") < READY_SECONDS
        page.wait_for("speaking")
        wait_until(lambda: page.meter("The bot's voice") > MOVING, within=PATIENCE_SECONDS)
        wait_until(lambda: page.meter("Your voice") > MOVING, within=PATIENCE_SECONDS)
        talk(page, turns=2)
        assert page.heard()["loudest"] > AUDIBLE
        assert page.facts()["Carried by"].startswith("WebSocket")
        expect(page.sentence).to_contain_text("WebSocket")
        page.button("Mute").click()
        wait_until(lambda: page.meter("Your voice") == 0, within=PATIENCE_SECONDS)
        expect(page.button("Unmute")).to_be_visible()
        end(page)


@needs_coturn
def test_calls_over_webrtc_with_udp_and_without(world: World, account: Account, visit: OpenVisit) -> None:
    with visit() as browser:
        page = browser.page()
        page.sign_in(account)
        page.call("WebRTC")
        assert page.wait_for("listening", "speaking") < READY_SECONDS
        talk(page, turns=1)
        assert page.heard()["fromPeers"] > AUDIBLE
        named(page, carrier="UDP")
        end(page)
        self_test(page, udp="reachable")
        with wall(world, Wall.NO_UDP):
            page.call("WebRTC")
            assert page.wait_for("listening", "speaking") < READY_SECONDS
            talk(page, turns=1)
            named(page, carrier="TLS")
            expect(page.sentence).to_contain_text(re.compile("blocks UDP"))
            end(page)
            self_test(page, udp="unreachable")


def named(page: TalkPage, *, carrier: str) -> None:
    """The diagnostics name the pair and how it is carried, and have figures."""
    page.open_connection()
    expect(page.page.locator("dt", has_text="Round trip").locator("+ dd")).to_have_text(re.compile(r"\d"))
    facts = page.facts()
    assert facts["Path"] in {"relay to relay", "host to relay", "prflx to relay"}, facts
    assert facts["Carried by"].startswith(carrier), facts
    for term in ("Jitter", "Packets lost", "Sending", "Receiving"):
        assert re.search(r"\d", facts[term]), facts


def self_test(page: TalkPage, *, udp: str) -> None:
    """The self-test says what passes, and the report for support holds neither addresses nor tokens."""
    page.open_connection()
    page.button("Test my network").click()
    for carrier, outcome in (("UDP", udp), ("TLS", "reachable")):
        tested = page.page.locator(f"[data-relay={carrier}]").first
        expect(tested).to_have_attribute("data-outcome", outcome, timeout=PATIENCE_SECONDS * 1_000)
    report = page.copy_report()
    assert re.search(f"Relay over UDP.*: {udp}", report), report
    assert re.search("Pair: .* to relay", report), report
    session, browser = re.search("Session: (.*)", report), re.search("Browser: .*", report)
    assert session
    assert len(session[1]) > 30, report
    assert browser
    assert not addresses(report.replace(browser[0], "")), report
    assert not _SECRETS.search(report), report
