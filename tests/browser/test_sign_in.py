"""A sign-in outlives its tokens, and its end is told.

Cognito issues no access token that lives less than five minutes: this pool, a stand-in, is told to. That Cognito itself
renews and refuses in the same way is not proven here.
"""

import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Request

from tests.browser.conftest import OpenVisit
from tests.browser.world import Account, World
from tests.networks.waiting import wait_until

TOKEN_SECONDS = 8
_NOT_TO_UPDATE = {"ClientSecret", "CreationDate", "LastModifiedDate"}
_ASK = """\
import sys, urllib.error, urllib.request
url, authorization = sys.argv[1:]
request = urllib.request.Request(url, method="POST", headers={"authorization": authorization})
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as refusal:
    print(refusal.code)
"""


def is_refused(world: World, request: Request) -> bool:
    """Whether the API no longer takes the token of a request of the page's."""
    asking = (sys.executable, "-c", _ASK, request.url, request.headers["authorization"])
    return world.machine.run(*asking).strip() == "401"


@pytest.fixture
def short_lived_tokens(world: World) -> Iterator[None]:
    """The access tokens of the page live for seconds."""
    client = {"UserPoolId": world.outputs["UserPoolId"], "ClientId": world.outputs["PageClientId"]}
    described = world.aws("cognito-idp", "describe_user_pool_client", **client)["UserPoolClient"]
    before = {name: value for name, value in described.items() if value and name not in _NOT_TO_UPDATE}
    units = {**before.get("TokenValidityUnits", {}), "AccessToken": "seconds"}
    short = {**before, "AccessTokenValidity": TOKEN_SECONDS, "TokenValidityUnits": units}
    world.aws("cognito-idp", "update_user_pool_client", **short)
    yield
    world.aws("cognito-idp", "update_user_pool_client", **before)


@pytest.mark.usefixtures("short_lived_tokens")
def test_tokens_are_renewed_under_a_call_until_the_sign_in_is_revoked(
    world: World, account: Account, visit: OpenVisit
) -> None:
    with visit(ignore=("Failed to load resource",)) as browser:
        page = browser.page()
        asked: list[Request] = []
        page.page.on("request", lambda request: asked.append(request))
        page.sign_in(account)
        page.call("WebSocket")
        page.wait_for("listening", "speaking")
        start = next(request for request in asked if request.method == "POST" and request.url.endswith("/start"))
        wait_until(lambda: is_refused(world, start), within=3 * TOKEN_SECONDS)
        with page.page.expect_response(lambda answer: answer.request.method == "DELETE") as ended:
            page.hang_up()
        assert ended.value.status == 204
        assert ended.value.request.headers["authorization"] != start.headers["authorization"]

        user = {"UserPoolId": world.outputs["UserPoolId"], "Username": account.username}
        world.aws("cognito-idp", "admin_user_global_sign_out", **user)
        page.button("Sign in").wait_for(timeout=3 * TOKEN_SECONDS * 1_000)
        page.button("Sign in").click()
        page.wait_for("idle")
        page.call("WebSocket")
        page.wait_for("listening", "speaking")
        page.hang_up()
