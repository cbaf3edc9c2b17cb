"""The page's content security policy: exactly the hosts of the deployment."""

import re

import pytest

from stacks.components.page_policy import header_policy, origin_of, page_policy, websocket_source

API = "https://api.example.com/"
# https://docs.daily.co/guides/privacy-and-security/corporate-firewalls-nats-allowed-ip-list
DAILY = [
    f"{scheme}://*.{domain}"
    for domain in ("daily.co", "dailywebrtc.com", "dailywebrtc.net")
    for scheme in ("https", "wss")
]
ICE = "https://prod-ks.pluot.blue"


def _directives(policy: str) -> dict[str, list[str]]:
    directives = {name: sources for name, *sources in (part.split() for part in policy.split("; "))}
    assert len(directives) == len(policy.split("; "))
    return directives


def test_the_page_gets_nothing_that_is_not_named() -> None:
    assert _directives(page_policy(["websocket", "webrtc"], hosts=[API, "wss://agent.example.com"])) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'"],
        "connect-src": ["'self'", API, "wss://agent.example.com"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


def test_daily_is_reached_only_where_it_is_a_transport() -> None:
    without, chosen = (
        _directives(page_policy(transports, hosts=[API])) for transports in (["webrtc"], ["webrtc", "daily"])
    )
    assert "daily.co" not in str(without)
    assert chosen["script-src"] == ["'self'", "https://c.daily.co"]
    assert chosen["worker-src"] == ["'self'", "blob:"]
    assert chosen["connect-src"] == ["'self'", API, *DAILY, ICE]


def test_media_servers_of_the_customers_are_reached_as_well() -> None:
    policy = page_policy(["daily"], hosts=[API], media_hosts=["*.media.example.com"])
    assert _directives(policy)["connect-src"] == [
        "'self'",
        API,
        *DAILY,
        "https://*.media.example.com",
        "wss://*.media.example.com",
        ICE,
    ]


@pytest.mark.parametrize("transports", [["websocket"], ["webrtc", "daily"]])
def test_the_header_lets_through_what_the_page_allows_and_keeps_frames_out(transports: list[str]) -> None:
    header, page = _directives(header_policy(transports)), _directives(page_policy(transports, hosts=[API]))
    assert header.pop("frame-ancestors") == ["'none'"]
    # Browsers keep to both, so a default would shut out the hosts that only the page knows.
    assert header == {name: sources for name, sources in page.items() if name not in {"default-src", "connect-src"}}


@pytest.mark.parametrize("transports", [["websocket"], ["websocket", "webrtc", "daily"]])
def test_no_policy_lets_text_become_code(transports: list[str]) -> None:
    for policy in (header_policy(transports), page_policy(transports, hosts=[API])):
        assert "unsafe" not in policy
        assert '"' not in policy
        assert not re.search(r"\*(?!\.(daily\.co|dailywebrtc\.(com|net)))", policy)


@pytest.mark.parametrize(
    ("origin", "source"),
    [("https://agent.example.com", "wss://agent.example.com"), ("http://127.0.0.1:4566", "ws://127.0.0.1:4566")],
)
def test_web_sockets_have_schemes_of_their_own(origin: str, source: str) -> None:
    assert websocket_source(origin) == source


@pytest.mark.parametrize(
    "url", ["https://id.example.com:8443", "https://id.example.com:8443/a/b", "https://id.example.com:8443/"]
)
def test_an_origin_has_no_path(url: str) -> None:
    assert origin_of(url) == "https://id.example.com:8443"
