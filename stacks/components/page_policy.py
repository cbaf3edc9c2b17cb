"""The page's content security policy: which hosts its code may come from and talk to, and no others."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

# Daily's call object loads the rest of itself from here, whichever domain it calls through (daily-js 0.90.0).
# https://docs.daily.co/docs/guides/privacy-and-security/content-security-policy
DAILY_SCRIPTS: Final = "https://c.daily.co"
# It calls through the first, or the others while no name under .co can be found.
# https://docs.daily.co/guides/privacy-and-security/corporate-firewalls-nats-allowed-ip-list
DAILY_DOMAINS: Final = ("*.daily.co", "*.dailywebrtc.com", "*.dailywebrtc.net")
DAILY_ICE: Final = "https://prod-ks.pluot.blue"

type Directives = Mapping[str, Iterable[str]]


def header_policy(transports: Collection[str]) -> str:
    """What is known before the API exists, for every response; frame-ancestors works in a header only."""
    return _written({**_fixed(transports), "frame-ancestors": ["'none'"]})


def page_policy(transports: Collection[str], *, hosts: Iterable[str], media_hosts: Iterable[str] = ()) -> str:
    """The whole policy of the page, which may connect to `hosts`: sources as the standard has them.

    `media_hosts` are Daily's in the customer's networks: host names, or `*.` and a name.

    A source with a path ends in a slash where all below it is meant. Browsers keep to both policies.
    https://www.w3.org/TR/CSP3/#match-paths
    """
    daily = [*_of_hosts([*DAILY_DOMAINS, *media_hosts]), DAILY_ICE] if "daily" in transports else []
    connect = ["'self'", *hosts, *daily]
    return _written({"default-src": ["'none'"], **_fixed(transports), "connect-src": connect})


def websocket_source(origin: str) -> str:
    """The source that lets WebSockets through to `http(s)://HOST[:PORT]`."""
    return f"ws{origin.removeprefix('http')}"


def origin_of(url: str) -> str:
    """`https://HOST[:PORT]` of a URL."""
    return "/".join(url.split("/")[:3])


def _of_hosts(hosts: Iterable[str]) -> list[str]:
    return [f"{scheme}://{host}" for host in hosts for scheme in ("https", "wss")]


def _fixed(transports: Collection[str]) -> Directives:
    """What needs no host of the deployment. The page's worklet is a file, so nothing runs from blob: but Daily's."""
    daily = "daily" in transports
    return {
        "script-src": ["'self'", *([DAILY_SCRIPTS] if daily else ())],
        **({"worker-src": ["'self'", "blob:"]} if daily else {}),
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


def _written(directives: Directives) -> str:
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())
