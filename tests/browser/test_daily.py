"""The page calls over Daily: with Daily's own library, whose host the test answers for, and the stand-in's rooms."""

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenVisit
from tests.browser.daily_world import PLACE, DailyWorld
from tests.browser.talk_page import PATIENCE_SECONDS
from tests.browser.test_accessibility import check
from tests.browser.test_calls import AUDIBLE, MOVING, end, talk
from tests.browser.world import Account, World
from tests.networks.waiting import wait_until

# daily-js reports what it could not load to a third party, which the page's policy forbids.
_OF_A_BLOCK = ("Failed to load resource", "sentry.io")
# Of a page that nobody calls from.
_CONFIG = {
    "name": "page",
    "apiUrl": "https://api.invalid",
    "signIn": None,
    "reconnectGraceSeconds": 30,
    "memory": False,
}


def roomless(daily: DailyWorld) -> bool:
    """Whether every room is gone."""
    return daily.rooms() == []


def test_a_call_in_a_room_that_goes_with_it(daily: DailyWorld, account: Account, visit: OpenVisit) -> None:
    with visit(also={PLACE}) as browser:
        page = browser.page()
        daily.serve(page.page.context)
        page.sign_in(account)
        page.page.wait_for_load_state("networkidle")
        assert "socket_line" in str(browser.requested)  # what is recommended is loaded ahead
        assert "daily" not in str(browser.requested)
        page.call("Daily")
        page.wait_for("listening", "speaking")
        (room,) = daily.rooms()
        joined = {each["userId"]: each["owner"] for each in room["participants"]}
        assert joined == {"agent": True, "caller": False}
        wait_until(lambda: page.meter("The bot's voice") > MOVING, within=PATIENCE_SECONDS)
        talk(page, turns=1)
        assert page.heard()["loudest"] > AUDIBLE
        facts = page.facts()
        assert (facts["Connection type"], facts["Round trip"]) == ("Daily", "20 ms")
        expect(page.sentence).to_contain_text("Daily's network")
        assert "Pair: chosen by Daily" in page.copy_report()
        page.button("Mute").click()
        wait_until(lambda: page.meter("Your voice") == 0, within=PATIENCE_SECONDS)
        end(page)
        wait_until(lambda: roomless(daily), within=PATIENCE_SECONDS)


def test_a_guest_comes_by_a_link_and_goes(daily: DailyWorld, account: Account, visit: OpenVisit) -> None:
    with visit(also={PLACE}) as browser:
        page = browser.page(bypass_csp=True)  # for axe
        daily.serve(page.page.context)
        page.sign_in(account)
        page.call("Daily")
        page.wait_for("listening", "speaking")
        daily.let_in(page.copy_invitation())
        page.wait_for_words("notice", "has joined the call")
        page.wait_for_words("notice", "has left the call")
        assert page.state in {"listening", "speaking"}
        check(page)
        end(page)
        wait_until(lambda: roomless(daily), within=PATIENCE_SECONDS)


def test_an_agent_that_dies_ends_the_call(world: World, daily: DailyWorld, account: Account, visit: OpenVisit) -> None:
    with visit(also={PLACE}) as browser:
        page = browser.page()
        daily.serve(page.page.context)
        page.sign_in(account)
        page.call("Daily")
        page.wait_for_words("bot", "How can I help you")
        os.kill(world.agent_in_call(), signal.SIGKILL)
        page.wait_for("ended", "failed")
        page.wait_for_words("bot", "How can I help you")
        wait_until(lambda: roomless(daily), within=PATIENCE_SECONDS)


def test_daily_is_blocked_or_refuses_the_key(daily: DailyWorld, account: Account, visit: OpenVisit) -> None:
    with visit(also={PLACE}, ignore=_OF_A_BLOCK) as browser:
        page = browser.page()
        daily.block(page.page.context)
        page.sign_in(account)
        page.call("Daily")
        page.wait_for("failed")
        expect(page.alert).to_contain_text("could not be loaded")
        expect(page.alert).to_contain_text("c.daily.co")
        wait_until(lambda: roomless(daily), within=PATIENCE_SECONDS)
        daily.set_api_key("another")
        try:
            page.button("Call again").click()
            expect(page.alert).to_contain_text("not set up", timeout=PATIENCE_SECONDS * 1_000)
            expect(page.alert).to_contain_text("Request")
        finally:
            daily.set_api_key(daily.api_key)


@pytest.mark.parametrize("transports", [["webrtc", "websocket"], ["daily"]])
def test_daily_is_offered_where_it_is_deployed(transports: list[str], visit: OpenVisit) -> None:
    with visit() as browser:
        page = browser.page(opened=False)

        page.page.route("**/config.json", lambda route: route.fulfill(json={**_CONFIG, "transports": transports}))
        page.open()
        page.wait_for("idle")
        assert page.page.get_by_role("radio").count() == len(transports)
        assert page.page.get_by_role("radio", name="Daily").count() == ("daily" in transports)
