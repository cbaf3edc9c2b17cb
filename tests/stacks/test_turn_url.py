import pytest

from stacks.turn_url import Endpoint, agent_endpoint


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("turn:turn.example.com", ("udp", 3478)),
        ("turn:turn.example.com:443", ("udp", 443)),
        ("turn:turn.example.com?transport=tcp", ("tcp", 3478)),
        ("turn:192.0.2.1:80?transport=tcp", ("tcp", 80)),
        ("turns:turn.example.com", ("tcp", 5349)),
        ("turns:turn.example.com:443?transport=tcp", ("tcp", 443)),
        ("turns:turn.example.com:443?transport=udp", None),
        ("stun:stun.example.com", None),
        ("stun:stun.example.com:3478", None),
    ],
)
def test_defaults_are_those_of_the_rfc_and_what_the_agent_cannot_use_is_left_out(
    url: str, endpoint: Endpoint | None
) -> None:
    assert agent_endpoint(url) == endpoint
