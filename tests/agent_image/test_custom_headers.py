"""What the connect API tells the agent of a caller: in headers of a WebSocket, or in an offer."""

import json

import pytest
from starlette.datastructures import Headers

from call_socket import CallSocket
from custom_headers import HeaderError, asks_to_resume, read_caller
from messages import MessageError, Offer, read_message
from peer_connection import PeerConnection
from socket_transport import SocketTransport
from tests.agent_image.test_call_socket import new_socket
from transports import PeerTransport

PREFIX = "x-amzn-bedrock-agentcore-runtime-custom"
BAD_NAMES = ["a b", "é", "a\n", "a/b", "x" * 129]


@pytest.mark.parametrize("name", ["", "a", "A-z_0", "x" * 128])
def test_a_callers_name_arrives_either_way(name: str) -> None:
    offer = read_message(json.dumps({"type": "offer", "sdp": "v=0", "iceServers": [], "caller": name}).encode())

    assert isinstance(offer, Offer)
    assert read_caller(Headers({f"{PREFIX}-caller": name})) == offer.caller == name


def test_no_name_is_an_empty_one() -> None:
    offer = read_message(b'{"type": "offer", "sdp": "v=0", "iceServers": []}')

    assert isinstance(offer, Offer)
    assert (read_caller(Headers({})), offer.caller) == ("", "")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(HeaderError, match="caller: allowed are 1 to 128"):
        read_caller({"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Caller": name})
    with pytest.raises(MessageError, match="caller: String should match pattern"):
        read_message(json.dumps({"type": "offer", "sdp": "v=0", "iceServers": [], "caller": name}).encode())


def test_only_1_asks_to_resume() -> None:
    assert [asks_to_resume(Headers({f"{PREFIX}-resume": value})) for value in ("1", "")] == [True, False]
    assert not asks_to_resume(Headers({}))
    with pytest.raises(HeaderError, match="resume: allowed is 1"):
        asks_to_resume(Headers({f"{PREFIX}-resume": "true"}))


async def test_both_transports_show_their_connection() -> None:
    socket: CallSocket = await new_socket()
    socket.caller = "ann"
    peer = PeerConnection(relay=None, grace_seconds=30, caller="bob")

    assert SocketTransport(socket=socket).connection.caller == "ann"
    assert PeerTransport(connection=peer).connection.caller == "bob"
    await peer.close()
