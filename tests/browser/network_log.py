"""Whom a browser spoke to, read from its own log, which no page can keep anything out of.

Chromium's --log-net-log: https://www.chromium.org/developers/design-documents/network-stack/netlog/
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_NO_PAGE = "not an origin"


@dataclass(frozen=True, kw_only=True)
class NetworkLog:
    """What pages did, and not what the browser did on its own. Places as `host:port`."""

    requested: frozenset[str]
    """Of every HTTP request and WebSocket, whether it got through or not."""
    connected: frozenset[str]
    """TCP: whom the browser began to connect to, by address."""
    sent_datagrams: frozenset[str]
    """UDP: whom it sent at least one packet to, by address."""


def read_network_log(path: Path) -> NetworkLog:
    """Read what `open_chromium` left."""
    log = json.loads(path.read_text())
    names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    events = [(names[event["type"]], event) for event in log["events"]]
    peers = {event["source"]["id"]: address for name, event in events for address in _udp_peer(name, event)}
    return NetworkLog(
        requested=frozenset(place for name, event in events for place in _requested(name, event)),
        connected=frozenset(address for name, event in events for address in _connected(name, event)),
        sent_datagrams=frozenset(
            event["params"].get("address") or peers[event["source"]["id"]]
            for name, event in events
            if name == "UDP_BYTES_SENT"
        ),
    )


def place_of(url: str) -> str:
    """`host:port` of an http, https, ws or wss URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def _requested(name: str, event: Any) -> Iterator[str]:
    parameters = event.get("params", {})
    url = parameters.get("url", "")
    if name != "URL_REQUEST_START_JOB" or url.partition(":")[0] not in _DEFAULT_PORTS:
        return
    # The others are the browser's own, for updates, an account of Google's, how to fill in forms; they get nowhere.
    if parameters["initiator"] != _NO_PAGE or parameters["request_type"] == "main frame":
        yield place_of(url)


def _connected(name: str, event: Any) -> Iterator[str]:
    if name == "TCP_CONNECT_ATTEMPT" and (address := event.get("params", {}).get("address")):
        yield address


def _udp_peer(name: str, event: Any) -> Iterator[str]:
    if name == "UDP_CONNECT" and (address := event.get("params", {}).get("address")):
        yield address
