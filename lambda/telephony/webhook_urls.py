"""The URLs that carriers call: those of the carrier's console as they are, all others with a proof of ours.

Vonage and Telnyx sign a webhook's body and not its URL, so which call and which webhook a URL is for is signed by us.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

from telephony.carrier import KINDS, Kind, WebhookRequest
from telephony.settings import Settings

_KEY_LABEL = b"switchboard webhook url"
# Inbound calls come to these by our own documents alone: no console names them.
_OF_DOCUMENTS: tuple[Kind, ...] = ("consent", "next")
_CALL = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Vonage: the address of events of legs that an answer of ours has added to the call.
_ADDED_LEG = ("leg", "added")


class WrongUrlError(Exception):
    """A webhook at a URL that nobody has given its carrier."""


def call_urls(*, carrier: str, call: str, settings: Settings, key: bytes, call_id: str = "") -> Mapping[Kind, str]:
    """The URLs of a call by webhook; `call` is our id of an outbound call, empty for an inbound one.

    `key` is the session key; `call_id`, the carrier's own id, is needed where `call` is empty.
    """
    urls: dict[Kind, str] = {kind: f"{settings.public_url}/telephony/{carrier}/{kind}" for kind in KINDS}
    if call:
        return {
            kind: f"{url}?call={call}&proof={_proof(key=key, carrier=carrier, kind=kind, call=call)}"
            for kind, url in urls.items()
        }
    for kind in _OF_DOCUMENTS:
        urls[kind] += f"?proof={_proof(key=key, carrier=carrier, kind=kind, call=_inbound(call_id))}"
    return urls


def call_of(*, request: WebhookRequest, carrier: str, key: bytes) -> str:
    """Our id of the call that the webhook's URL names; empty for an inbound call.

    Raises `WrongUrlError` for a query that isn't ours.
    """
    query = dict(request.query)
    if request.kind == "events" and query.get(_ADDED_LEG[0]) == _ADDED_LEG[1]:
        del query[_ADDED_LEG[0]]
    if set(query) == ({"proof"} if request.kind in _OF_DOCUMENTS else set()):
        return ""
    call = query.get("call", "")
    if set(query) != {"call", "proof"} or not _CALL.fullmatch(call):
        raise WrongUrlError
    _check(request=request, carrier=carrier, key=key, call=call)
    return call


def check_inbound(*, request: WebhookRequest, carrier: str, key: bytes, call_id: str) -> None:
    """Raise `WrongUrlError` where an inbound call's webhook came to a URL that no document of this call has named."""
    if request.kind in _OF_DOCUMENTS and "call" not in request.query:
        _check(request=request, carrier=carrier, key=key, call=_inbound(call_id))


def _check(*, request: WebhookRequest, carrier: str, key: bytes, call: str) -> None:
    expected = _proof(key=key, carrier=carrier, kind=request.kind, call=call)
    if not hmac.compare_digest(request.query.get("proof", "").encode(), expected.encode()):
        raise WrongUrlError


def _inbound(call_id: str) -> str:
    """What stands for a call without an id of ours; none of ours has such a form."""
    return f"\0{call_id}"


def _proof(*, key: bytes, carrier: str, kind: Kind, call: str) -> str:
    url_key = hmac.digest(key, _KEY_LABEL, hashlib.sha256)
    return hmac.new(url_key, f"{carrier}\0{kind}\0{call}".encode(), hashlib.sha256).hexdigest()[:32]
