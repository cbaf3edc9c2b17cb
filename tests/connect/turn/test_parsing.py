"""Whatever a source answers becomes ICE servers that can be used, or an error of ours."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connect.turn import kvs_channel
from connect.turn.broker import rtc_ice_servers
from connect.turn.ice import IceServer, is_ice_url, is_turn_url, udp_first
from shared.errors import ApiError
from tests.connect.turn.cloud import kvs_answer

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
hosts = st.sampled_from(["turn.example.com", "192.0.2.7", "[2001:db8::1]"])
ports = st.sampled_from(["", ":443", ":3478"])
transports = st.sampled_from(["", "?transport=udp", "?transport=tcp"])
urls = st.builds("{}:{}{}{}".format, st.sampled_from(["stun", "turn", "turns"]), hosts, ports, transports)
almost_urls = urls | st.builds("{}{}".format, urls, st.sampled_from(["", "\n", " ", "/", "?transport=sctp", "\0"]))


def almost(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The field as it should be, or as anything, or not at all."""
    return st.just(dict[str, Any]()) | st.builds(lambda given: {name: given}, value | json_values)


def merged(*fields: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda *parts: {name: value for part in parts for name, value in part.items()}, *fields)


kvs_servers = merged(
    almost("Uris", st.lists(almost_urls, max_size=4)),
    almost("Username", st.text(min_size=1)),
    almost("Password", st.text(min_size=1)),
    almost("Ttl", st.integers(min_value=0, max_value=100_000)),
)
rtc_servers = merged(
    almost("urls", almost_urls | st.lists(almost_urls, max_size=4)),
    almost("username", st.text()),
    almost("credential", st.text()),
)


def assert_usable(server: IceServer) -> None:
    assert server.urls
    assert all(is_ice_url(url) for url in server.urls)
    if any(is_turn_url(url) for url in server.urls):
        assert server.username
        assert server.credential
    assert json.loads(json.dumps(server.as_json()))


@given(listed=json_values | st.lists(kvs_servers | json_values, max_size=3))
def test_whatever_kvs_answers(listed: object) -> None:
    try:
        servers = [kvs_channel._ice_server(item) for item in kvs_channel._objects(listed, name="IceServerList")]
    except kvs_channel.ChannelError:
        return
    assert servers
    for server in servers:
        assert_usable(server)


@given(ttl=json_values | st.integers(min_value=0, max_value=100_000))
def test_whatever_life_kvs_tells(ttl: object) -> None:
    (server, _) = kvs_answer(name="0", ttl=ttl)["IceServerList"]
    is_allowed = type(ttl) is int and 30 <= ttl <= 86_400
    try:
        assert kvs_channel._lifetime_seconds(server) == ttl
        assert is_allowed
    except kvs_channel.ChannelError:
        assert not is_allowed


@given(listed=json_values | st.lists(rtc_servers | json_values, max_size=3))
def test_whatever_a_broker_answers(listed: object) -> None:
    try:
        servers = rtc_ice_servers(broker="Twilio", value=listed)
    except ApiError:
        return
    assert any(is_turn_url(url) for server in servers for url in server.urls)
    for server in servers:
        assert_usable(server)


@given(given_urls=st.lists(urls))
def test_udp_first_loses_nothing_and_puts_tcp_behind(given_urls: list[str]) -> None:
    ordered = udp_first(given_urls)

    assert sorted(ordered) == sorted(given_urls)
    assert udp_first(ordered) == ordered
    over_tcp = [
        is_turn_url(url) and (url.endswith("=tcp") or (url.startswith("turns:") and not url.endswith("=udp")))
        for url in ordered
    ]
    assert over_tcp == sorted(over_tcp)


@given(url=almost_urls | st.text())
def test_an_ice_url_is_one_line_of_a_known_scheme(url: str) -> None:
    if is_ice_url(url):
        assert url.startswith(("stun:", "stuns:", "turn:", "turns:"))
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
