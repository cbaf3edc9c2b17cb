"""Daily in the page's world: an account at the embedded cloud's stand-in, and what Daily's host gives the browser."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from tests.browser.world import World

PLACE = "c.daily.co:443"
"""Where Daily's own code is loaded from; the page asks no other host of Daily's here."""

_CODE = "https://c.daily.co/**"
_CALL_MACHINE = Path(__file__).with_name("call_machine.js")
_ASK = """\
import sys, urllib.request
method, url = sys.argv[1:]
request = urllib.request.Request(url, method=method, data=sys.stdin.buffer.read())
print(urllib.request.urlopen(request).read().decode())
"""
_JOIN = """\
import asyncio, sys
from local.daily.participant import Participant
async def visit(base_url, room_url):
    async with Participant.join(base_url, room_url=room_url, token=sys.stdin.read()) as guest:
        await guest.audio(seconds=1)
asyncio.run(visit(*sys.argv[1:]))
"""


@dataclass(frozen=True, kw_only=True)
class DailyWorld:
    """The account whose API key the deployment has."""

    world: World
    domain: str
    api_key: str = field(repr=False)

    def rooms(self) -> list[dict[str, Any]]:
        """The account's rooms, with their participants."""
        rooms: list[dict[str, Any]] = _ask(self.world, "GET", f"/{self.domain}/rooms")
        return rooms

    def set_api_key(self, api_key: str) -> None:
        """Give the account another key than the deployment has, or that one again."""
        _ask(self.world, "PUT", f"/{self.domain}/key", apiKey=api_key)

    def let_in(self, link: str) -> None:
        """Somebody follows an invitation, hears somebody speak for a second, and leaves."""
        room_url, _, token = link.partition("?t=")
        words = (sys.executable, "-c", _JOIN, _base_url(self.world), room_url)
        self.world.local("exec", "--", *words, stdin=token)

    def serve(self, context: BrowserContext) -> None:
        """Answer the browser in place of Daily's host."""
        hub = _base_url(self.world).replace("http", "ws", 1) + "/hub"
        code = _CALL_MACHINE.read_text().replace("@HUB@", hub)
        context.route(_CODE, lambda route: route.fulfill(body=code, content_type="text/javascript"))

    def block(self, context: BrowserContext) -> None:
        """Let the browser not reach Daily's host, as an extension does."""
        context.route(_CODE, lambda route: route.abort("blockedbyclient"))


def open_account(world: World) -> DailyWorld:
    """Make an account, and put its key where an operator puts it."""
    made = _ask(world, "POST", "")
    secret_id = world.outputs["DailySecretArn"]
    secret = json.loads(world.aws("secretsmanager", "get_secret_value", SecretId=secret_id)["SecretString"])
    filled = {**secret, "apiKey": made["apiKey"], "domainId": made["domainId"]}
    world.aws("secretsmanager", "put_secret_value", SecretId=secret_id, SecretString=json.dumps(filled))
    return DailyWorld(world=world, domain=made["domain"], api_key=made["apiKey"])


def _base_url(world: World) -> str:
    return f"http://127.0.0.1:{world.cloud_port}/daily"


def _ask(world: World, method: str, path: str, **body: str) -> Any:
    """Ask the stand-in for what Daily has no API for (local.daily.admin)."""
    words = (sys.executable, "-c", _ASK, method, f"{_base_url(world)}/admin/accounts{path}")
    return json.loads(world.local("exec", "--", *words, stdin=json.dumps(body)))
