"""The page works without a mouse, and axe finds nothing serious in it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import OpenVisit
from tests.browser.talk_page import TalkPage
from tests.browser.world import REPOSITORY, Account

_AXE = REPOSITORY / "web/node_modules/axe-core/axe.min.js"
_TRANSITIONS_END = """\
() => {
  const transitions = document.getAnimations().filter((each) => each instanceof CSSTransition);
  return Promise.allSettled(transitions.map((each) => each.finished));
}
"""
_GRAVE = {"serious", "critical"}


def check(page: TalkPage) -> None:
    """Let axe look at the page as it is: https://github.com/dequelabs/axe-core/blob/develop/doc/API.md."""
    if not page.page.evaluate("'axe' in window"):
        page.page.add_script_tag(path=_AXE)
    for scheme in ("light", "dark"):
        page.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.page.evaluate(_TRANSITIONS_END)
        violations: list[dict[str, Any]] = page.page.evaluate("axe.run().then((result) => result.violations)")
        grave = [
            f"{each['id']}, {scheme}: {node['html']} {node['failureSummary']}"
            for each in violations
            if each["impact"] in _GRAVE
            for node in each["nodes"]
        ]
        assert grave == [], "\n".join(grave)


def test_axe_finds_nothing_serious(account: Account, visit: OpenVisit) -> None:
    assert Path(_AXE).exists(), f"{_AXE} is missing: run `make check`, which installs it"
    with visit() as browser:
        # The page's own policy would not let axe in.
        page = browser.page(microphone=False, bypass_csp=True)
        check(page)
        page.sign_in(account)
        check(page)
        page.call("WebSocket")
        page.wait_for("failed")
        check(page)
        browser.allow_microphone(page)
        page.button("Call again").click()
        page.wait_for_words("bot", "You said")
        page.wait_for_answers(1)
        check(page)
        page.open_connection()
        check(page)
        page.hang_up()
        check(page)


def test_a_call_by_keyboard_alone(account: Account, visit: OpenVisit) -> None:
    with visit() as browser:
        page = browser.page()
        keyboard = page.page.keyboard
        page.tab_to(page.button("Sign in"))
        keyboard.press("Enter")
        page.page.locator("input[name=username]").wait_for()
        page.tab_to(page.page.locator("input[name=username]"))
        keyboard.type(account.username)
        keyboard.press("Tab")
        keyboard.type(account.password)
        keyboard.press("Enter")
        page.wait_for("idle")
        page.tab_to(page.page.get_by_role("radio", name="WebRTC"))
        for transport in ("Daily", "WebSocket"):
            keyboard.press("ArrowRight")
            expect(page.page.get_by_role("radio", name=transport)).to_be_checked()
        page.tab_to(page.button("Call"), backwards=True)
        keyboard.press("Enter")
        page.wait_for("listening", "speaking")
        page.tab_to(page.button("Mute"))
        keyboard.press("Space")
        expect(page.button("Unmute")).to_be_visible()
        keyboard.press("m")
        expect(page.button("Mute")).to_be_visible()
        page.tab_to(page.button("Hang up"), backwards=True)
        keyboard.press("Enter")
        page.wait_for("ended")
