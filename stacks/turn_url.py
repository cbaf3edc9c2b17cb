"""Which way the URL of an ICE server leads, as far as the agent can go it: https://www.rfc-editor.org/rfc/rfc7065."""

from typing import Final

# Where a URL leaves them out.
DEFAULT_PORTS: Final = {"turn": 3478, "turns": 5349}
DEFAULT_TRANSPORTS: Final = {"turn": "udp", "turns": "tcp"}

type Endpoint = tuple[str, int]  # udp or tcp, port


def agent_endpoint(url: str) -> Endpoint | None:
    """Transport and port by which the agent reaches the server; None for a URL that is of no use to it.

    That is STUN, as the agent gathers relay candidates only, and TURN over DTLS, which aiortc doesn't speak.
    """
    scheme, _, rest = url.partition(":")
    server, _, transport = rest.partition("?transport=")
    port = server.partition(":")[2]
    if scheme == "stun" or (scheme, transport) == ("turns", "udp"):
        return None
    return transport or DEFAULT_TRANSPORTS[scheme], int(port or DEFAULT_PORTS[scheme])
