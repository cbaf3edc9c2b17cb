"""Measures what kind of NAT this machine is behind (RFC 5780, sections 4.3 and 4.4), and prints it as JSON."""

import json
import socket
import sys

from aioice import stun

Address = tuple[str, int]

_TRIES, _SECONDS = 3, 0.3
_CHANGE_ADDRESS_AND_PORT, _CHANGE_PORT = 0x06, 0x02


def main() -> None:
    """Ask the STUN server that the command line names; it has to have a second address."""
    server = (sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"mapping": mapping(server), "filtering": filtering(server)}))  # noqa: T201


def mapping(server: Address) -> str:
    """How the address that peers see depends on the peer."""
    with socket.socket(type=socket.SOCK_DGRAM) as from_one_socket:
        first = _ask(from_one_socket, server)
        assert first, f"no STUN answer from {server}"
        other: Address = first.attributes["OTHER-ADDRESS"]
        second = _ask(from_one_socket, (other[0], server[1]))
        third = _ask(from_one_socket, other)
    assert second
    assert third
    seen = [answer.attributes["XOR-MAPPED-ADDRESS"] for answer in (first, second, third)]
    if seen[0] == seen[1]:
        return "endpoint-independent"
    return "address-dependent" if seen[1] == seen[2] else "address-and-port-dependent"


def filtering(server: Address) -> str:
    """From whom the NAT lets packets in, on a socket that has sent to one peer only."""
    with socket.socket(type=socket.SOCK_DGRAM) as from_one_socket:
        if _ask(from_one_socket, server, change=_CHANGE_ADDRESS_AND_PORT):
            return "endpoint-independent"
        if _ask(from_one_socket, server, change=_CHANGE_PORT):
            return "address-dependent"
    return "address-and-port-dependent"


def _ask(sender: socket.socket, server: Address, *, change: int = 0) -> stun.Message | None:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    if change:
        request.attributes["CHANGE-REQUEST"] = change
    sender.settimeout(_SECONDS)
    for _ in range(_TRIES):
        sender.sendto(bytes(request), server)
        try:
            answer = stun.parse_message(sender.recv(2048))
        except TimeoutError:
            continue
        if answer.transaction_id == request.transaction_id:
            return answer
    return None


if __name__ == "__main__":
    main()
