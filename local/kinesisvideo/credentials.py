"""The ICE servers of an answer: where TURN is, and credentials that coturn accepts for 300 s."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

# https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
LIFETIME_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class TurnServers:
    """coturn's `host:port` addresses, one an ICE server (KVS names two), and its `static-auth-secret`."""

    addresses: tuple[str, ...]
    secret: str = field(repr=False)


def ice_server_list(turn: TurnServers, *, channel: str, now: float) -> list[dict[str, Any]]:
    """Return IceServerList for a channel's name at the time `now` (Unix seconds).

    The user name is coturn's `EXPIRY:USER` with the channel for the user, so that coturn's quota is the channel's.
    Source: https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00, section 2.2
    """
    username = f"{int(now) + LIFETIME_SECONDS}:{channel}"
    digest = hmac.new(turn.secret.encode(), username.encode(), hashlib.sha1).digest()
    password = base64.b64encode(digest).decode()
    return [
        {"Uris": _uris(address), "Username": username, "Password": password, "Ttl": LIFETIME_SECONDS}
        for address in turn.addresses
    ]


def _uris(address: str) -> list[str]:
    """The order of KVS: UDP, DTLS, TLS."""
    return [f"turn:{address}?transport=udp", f"turns:{address}?transport=udp", f"turns:{address}?transport=tcp"]
