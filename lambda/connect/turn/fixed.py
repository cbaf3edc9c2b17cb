"""ICE servers with one username and credential for every call, as metered services give them."""

from connect.turn.ice import IceAnswer, IceServer, is_turn_url, udp_first
from connect.turn.secret import turn_secret_fields
from connect.turn_settings import FixedTurn
from shared.credentials import Credentials


def fixed_ice_servers(*, turn: FixedTurn, credentials: Credentials) -> IceAnswer:
    """The deployment's URLs, TURN ones with the secret's credential; raises `ApiError` (503, 500)."""
    username, credential = turn_secret_fields(
        secret=turn.secret, names=("username", "credential"), credentials=credentials
    )
    urls = udp_first(turn.urls)
    relays = IceServer(urls=tuple(url for url in urls if is_turn_url(url)), username=username, credential=credential)
    reflectors = tuple(url for url in urls if not is_turn_url(url))
    servers = (IceServer(urls=reflectors), relays) if reflectors else (relays,)
    return IceAnswer(servers=servers, expires_at=None)
