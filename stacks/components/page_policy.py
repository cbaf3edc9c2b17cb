"""The page's content security policy: which hosts its code may come from and talk to, and no others."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

# Daily's call object loads the rest of itself from the one, and calls through the other.
# https://docs.daily.co/docs/guides/privacy-and-security/content-security-policy
DAILY_SCRIPTS: Final = "https://c.daily.co"
DAILY_CALLS: Final = ("https://*.daily.co", "wss://*.daily.co")

type Directives = Mapping[str, Iterable[str]]


def header_policy(transports: Collection[str]) -> str:
    """What is known before the API exists, for every response; frame-ancestors works in a header only."""
    return _written({**_fixed(transports), "frame-ancestors": ["'none'"]})


def page_policy(transports: Collection[str], *, hosts: Iterable[str]) -> str:
    """The whole policy of the page, which may connect to `hosts`: sources as the standard has them.

    A source with a path ends in a slash where all below it is meant. Browsers keep to both policies.
    https://www.w3.org/TR/CSP3/#match-paths
    """
    connect = ["'self'", *hosts, *(DAILY_CALLS if "daily" in transports else ())]
    return _written({"default-src": ["'none'"], **_fixed(transports), "connect-src": connect})


def websocket_source(origin: str) -> str:
    """The source that lets WebSockets through to `http(s)://HOST[:PORT]`."""
    return f"ws{origin.removeprefix('http')}"


def origin_of(url: str) -> str:
    """`https://HOST[:PORT]` of a URL."""
    return "/".join(url.split("/")[:3])


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
