"""The page as a person meets it: everything is found by its role and name."""

import re
import time
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

from tests.browser.world import Account

PATIENCE_SECONDS = 30.0
_MOST_TABS = 20


@dataclass(frozen=True, kw_only=True)
class TalkPage:
    """One tab with the page."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    """Errors in the console, uncaught exceptions, and violations of the content security policy."""

    def open(self) -> None:
        self.page.goto(self.url)

    def sign_in(self, account: Account) -> None:
        """Press the button, fill in the identity provider's form, and come back."""
        self.button("Sign in").click()
        self.page.locator("input[name=username]").fill(account.username)
        self.page.locator("input[name=password]").fill(account.password)
        self.page.locator("input[name=password]").press("Enter")
        self.wait_for("idle")

    def call(self, transport: str) -> None:
        self.choose(transport)
        self.button("Call").click()

    def choose(self, transport: str) -> None:
        self.page.get_by_role("radio", name=transport).check(force=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def state(self) -> str | None:
        return self.page.locator("main").get_attribute("data-state")

    def wait_for(self, *states: str, within: float = PATIENCE_SECONDS) -> float:
        """Wait until the page is in one of the states; the seconds that took."""
        began = time.monotonic()
        pattern = re.compile(f"^({'|'.join(states)})$")
        expect(self.page.locator("main")).to_have_attribute("data-state", pattern, timeout=within * 1_000)
        return time.monotonic() - began

    @property
    def transcript(self) -> Locator:
        return self.page.get_by_role("log", name="Transcript")

    def lines(self, speaker: str) -> Locator:
        """What was said for certain."""
        return self.transcript.locator(f"[data-speaker={speaker}]:not([data-interim])")

    def wait_for_words(self, speaker: str, words: str, *, within: float = PATIENCE_SECONDS) -> None:
        """Wait for a line that holds the words, whatever their case."""
        found = self.lines(speaker).filter(has_text=re.compile(re.escape(words), re.IGNORECASE))
        expect(found.first).to_be_visible(timeout=within * 1_000)

    def wait_for_answers(self, count: int, *, within: float = PATIENCE_SECONDS) -> list[float]:
        """Wait for so many points of the latency strip; the milliseconds of all, as its name tells them."""
        self.page.locator("[data-answer]").nth(count - 1).wait_for(state="attached", timeout=within * 1_000)
        strip = self.page.get_by_role("img", name=re.compile("^Answer times"))
        return [float(each) for each in re.findall(r"(\d+) ms", strip.get_attribute("aria-label") or "")]

    def meter(self, name: str) -> float:
        return float(self.page.get_by_role("meter", name=name).get_attribute("aria-valuenow") or 0)

    def open_connection(self) -> Locator:
        """Open the diagnostics; their region."""
        if self.button("Connection").get_attribute("aria-expanded") == "false":
            self.button("Connection").click()
        return self.page.get_by_role("region", name="Connection")

    def facts(self) -> dict[str, str]:
        """The diagnostics by their terms."""
        region = self.open_connection()
        return dict(zip(region.locator("dt").all_inner_texts(), region.locator("dd").all_inner_texts(), strict=True))

    def copy_report(self) -> str:
        """What support would be sent."""
        return self._copy("Copy as text", told="Copied")

    def copy_invitation(self) -> str:
        """The link that a guest would be sent."""
        return self._copy("Invite someone", told="Link copied")

    def _copy(self, button: str, *, told: str) -> str:
        granted = ["microphone", "clipboard-read", "clipboard-write"]  # reading is the test's, not the page's
        self.page.context.grant_permissions(granted, origin=self.url)
        self.button(button).click()
        expect(self.page.get_by_role("status").filter(has_text=told)).to_be_visible()
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    @property
    def sentence(self) -> Locator:
        return self.page.locator("[data-sentence]")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def heard(self) -> dict[str, float]:
        """See hearing_aid.js; 1 is full scale."""
        heard: dict[str, float] = self.page.evaluate("heardSoFar()")
        return heard

    def tab_to(self, target: Locator, *, backwards: bool = False) -> None:
        """Press Tab until the element has the focus, as long as there could be something left to go to."""
        for _ in range(_MOST_TABS):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        raise AssertionError(f"no way to {target} by the keyboard")

    def hang_up(self) -> None:
        self.button("Hang up").click()
        self.wait_for("ended")
