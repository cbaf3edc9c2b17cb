"""What the page says when something goes wrong, and that the next call works."""

import os
import signal

from playwright.sync_api import expect

from tests.browser.chromium import Wall, wall
from tests.browser.conftest import OpenVisit
from tests.browser.talk_page import TalkPage
from tests.browser.world import Account, World

# Chromium's words about a refused connection and a refusal, and Pipecat's about a WebSocket that was lost.
_OF_A_LOSS = ("Failed to load resource", "signaling socket closed unexpectedly")


def begin(page: TalkPage) -> list[str]:
    """A call over a WebSocket in which something has been said: the caller's words, as the bot understood them."""
    page.call("WebSocket")
    page.wait_for("listening", "speaking")
    page.wait_for_words("bot", "You said")
    return page.lines("caller").all_inner_texts()


def keeps(page: TalkPage, said: list[str]) -> bool:
    """Whether the transcript still begins as it did."""
    return bool(said) and page.lines("caller").all_inner_texts()[: len(said)] == said


def test_the_microphone_is_denied_and_then_allowed(account: Account, visit: OpenVisit) -> None:
    with visit() as browser:
        page = browser.page(microphone=False)
        page.sign_in(account)
        page.call("WebSocket")
        page.wait_for("failed")
        expect(page.alert).to_contain_text("may not use your microphone")
        browser.allow_microphone(page)
        page.button("Call again").click()
        page.wait_for("listening", "speaking")
        page.hang_up()


def test_a_lost_connection_comes_back_once_with_all_that_was_said(
    world: World, account: Account, visit: OpenVisit
) -> None:
    with visit(ignore=_OF_A_LOSS) as browser:
        page = browser.page()
        page.sign_in(account)
        said = begin(page)
        with wall(world, Wall.RESET):
            page.wait_for("reconnecting")
            page.wait_for_words("notice", "The connection was lost")
        page.wait_for("listening", "speaking")
        page.wait_for_words("notice", "The connection is back")
        page.wait_for_words("caller", "music")
        page.wait_for_words("bot", "music")
        assert keeps(page, said)
        expect(page.lines("bot").filter(has_text="Welcome")).to_have_count(1)  # it is the same conversation
        page.hang_up()


def test_a_killed_agent_is_told_apart_from_a_lost_one(world: World, account: Account, visit: OpenVisit) -> None:
    with visit(ignore=_OF_A_LOSS) as browser:
        page = browser.page()
        page.sign_in(account)
        said = begin(page)
        os.kill(world.agent_in_call(), signal.SIGKILL)
        page.wait_for("failed")  # AgentCore's stand-in closes with 1011
        expect(page.alert).to_contain_text("something of its own failed")
        assert keeps(page, said)

        page.button("Call again").click()
        page.wait_for_words("bot", "How can I help you")
        agent = world.agent_in_call()
        with wall(world, Wall.RESET):
            page.wait_for("reconnecting")
            os.kill(agent, signal.SIGKILL)
        page.wait_for("failed")  # the session has lost its call
        expect(page.alert).to_contain_text("could not be restored")
        page.wait_for_words("notice", "The connection was lost")
        page.wait_for_words("notice", "could not be restored")
        page.wait_for_words("bot", "How can I help you")
