"""Credentials of Cloudflare's TURN service, minted with the key that a secret holds."""

import dataclasses
import json
import re
from urllib.parse import quote

from connect.turn.broker import LIFETIME_SECONDS, ask_broker, malformed, rtc_ice_servers
from connect.turn.ice import IceAnswer, IceServer, is_turn_url
from connect.turn.secret import turn_secret_fields
from connect.turn_settings import CloudflareTurn
from shared.credentials import Credentials

_PORT_53 = re.compile(r":53(\?|$)")


def cloudflare_ice_servers(*, turn: CloudflareTurn, credentials: Credentials) -> IceAnswer:
    """Mint credentials for one call, as https://developers.cloudflare.com/realtime/turn/generate-credentials/ says.

    The answer is 201 with `iceServers`; it says nothing of their lifetime, which is the one asked for. URLs with port
    53 are left out: browsers block that port, and would wait for it in vain (same page).

    Raises `ApiError`: 500 where Cloudflare refuses the key, 503 where it can't answer.
    """
    key_id, token = turn_secret_fields(secret=turn.secret, names=("keyId", "apiToken"), credentials=credentials)
    answer = ask_broker(
        broker="Cloudflare",
        url=f"{turn.base_url}/v1/turn/keys/{quote(key_id, safe='')}/credentials/generate-ice-servers",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        body=json.dumps({"ttl": LIFETIME_SECONDS}).encode(),
    )
    servers = rtc_ice_servers(broker="Cloudflare", value=answer.fields.get("iceServers"))
    return IceAnswer(servers=_without_port_53(servers), expires_at=answer.asked_at + LIFETIME_SECONDS)


def _without_port_53(servers: tuple[IceServer, ...]) -> tuple[IceServer, ...]:
    kept = (
        dataclasses.replace(server, urls=tuple(url for url in server.urls if not _PORT_53.search(url)))
        for server in servers
    )
    servers = tuple(server for server in kept if server.urls)
    if not any(is_turn_url(url) for server in servers for url in server.urls):
        raise malformed(broker="Cloudflare", reason="it names no TURN server at a port that browsers can use")
    return servers
