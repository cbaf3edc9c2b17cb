import pytest
from aiortc import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs
from pydantic import ValidationError

import ice_agent
from ice_servers import IceServer, TurnServer, turn_servers


def server(*urls: str) -> IceServer:
    return IceServer(urls=list(urls), username="name", credential="secret")


@pytest.mark.parametrize(
    ("url", "host", "port", "transport"),
    [
        ("turn:turn.example", "turn.example", 3478, "udp"),
        ("turn:192.0.2.1:80?transport=tcp", "192.0.2.1", 80, "tcp"),
        ("turns:turn.example", "turn.example", 5349, "tls"),
        ("turns:1-2-3-4.t-0a.example:443?transport=tcp", "1-2-3-4.t-0a.example", 443, "tls"),
        ("TURN:turn.example:3478?TRANSPORT=UDP", "turn.example", 3478, "udp"),
        ("turn:[2001:db8::1]:3478?transport=udp", "2001:db8::1", 3478, "udp"),
        ("turns:[::1]", "::1", 5349, "tls"),
    ],
)
def test_a_turn_uri_is_read_as_in_rfc_7065(url: str, host: str, port: int, transport: str) -> None:
    (turn,) = turn_servers([server(url)])

    assert (turn.host, turn.port, turn.transport) == (host, port, transport)
    assert (turn.username, turn.credential) == ("name", "secret")
    assert turn_servers([server(turn.uri)]) == [turn]


@pytest.mark.parametrize("url", ["stun:stun.example", "stuns:stun.example:443", "turns:turn.example:443?transport=udp"])
def test_what_gives_no_relay_here_is_passed_over(url: str) -> None:
    assert turn_servers([server(url)]) == []


def test_the_list_of_kvs_keeps_its_order_and_loses_dtls_and_what_comes_twice() -> None:
    urls = ["turn:a:443?transport=udp", "turns:a:443?transport=udp", "turns:a:443?transport=tcp"]
    turns = turn_servers([server("stun:a:443"), server(*urls), server(*urls[:1], "turn:b")])

    assert [turn.uri for turn in turns] == [
        "turn:a:443?transport=udp",
        "turns:a:443?transport=tcp",
        "turn:b:3478?transport=udp",
    ]


@pytest.mark.parametrize(
    "url", ["", "turn:", "http://turn.example", "turn:::1", "turn:a:b", "turn:a?transport=sctp", "turn://a", "turn:u@a"]
)
def test_what_is_no_uri_of_an_ice_server_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="allowed are stun:, stuns:, turn: and turns: URIs"):
        server(url)


def test_a_credential_is_not_shown() -> None:
    ice_server = server("turn:a")

    assert "secret" not in f"{ice_server!r} {turn_servers([ice_server])}"


@pytest.mark.parametrize("host", ["turn.example", "192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_aiortc_reads_what_was_chosen(host: str, transport: str) -> None:
    ice_agent.install()
    turn = TurnServer(host=host, port=443, transport=transport, username="name", credential="secret")  # type: ignore[arg-type]
    arguments = connection_kwargs([RTCIceServer(urls=turn.uri, username=turn.username, credential=turn.credential)])

    assert arguments["turn_server"] == (host, 443)
    assert arguments["turn_ssl"] is (transport == "tls")
    assert arguments["turn_transport"] == ("udp" if transport == "udp" else "tcp")
