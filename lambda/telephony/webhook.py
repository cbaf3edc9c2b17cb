"""A carrier's webhook: signature first, then its URL, then once only, and then what it is for."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from shared.credentials import Credentials
from shared.errors import ApiError
from shared.session_key import session_key
from telephony.after_stream import after_stream
from telephony.answer import answer, consent
from telephony.carrier import Carrier, Kind, SignatureError, WebhookRequest
from telephony.carrier_secret import verify_webhook
from telephony.events import events
from telephony.phone_call import PhoneCall, Reply
from telephony.replay import forget, mark_seen
from telephony.settings import Settings
from telephony.webhook_urls import WrongUrlError, call_of, check_inbound

_KEY_SECONDS = 2


class _Action(Protocol):
    def __call__(self, *, call: PhoneCall) -> Reply: ...


_ACTIONS: Mapping[Kind, _Action] = {
    "answer": answer,
    "consent": consent,
    "next": after_stream,
    "events": events,
    "machine": events,
}


class RefusedError(Exception):
    """A webhook that gets 403 and nothing else; `reason` is a fixed short text for the log and the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def serve_webhook(
    *, request: WebhookRequest, carrier: Carrier, settings: Settings, credentials: Credentials
) -> tuple[PhoneCall, Reply]:
    """The call that a true webhook tells of, and the answer.

    Raises `RefusedError` for an untrue one, `MalformedWebhookError` for a true one that can't be read, and `ApiError`
    where we or AWS failed.
    """
    try:
        verify_webhook(carrier=carrier, request=request, settings=settings, credentials=credentials)
    except SignatureError as error:
        raise RefusedError(error.reason) from None
    key = session_key(secret=settings.session_key, credentials=credentials, timeout_seconds=_KEY_SECONDS)
    try:
        ours = call_of(request=request, carrier=carrier.name, key=key)
        webhook = carrier.read(request=request)
        check_inbound(request=request, carrier=carrier.name, key=key, call_id=webhook.call_id)
    except WrongUrlError:
        raise RefusedError("wrong url") from None
    call = PhoneCall(
        carrier=carrier,
        webhook=webhook,
        call=ours,
        key=key,
        settings=settings,
        credentials=credentials,
    )
    return call, _once(call=call, action=_ACTIONS[request.kind])


def _once(*, call: PhoneCall, action: _Action) -> Reply:
    carrier, replay_key = call.carrier.name, call.webhook.replay_key
    if not mark_seen(marks=call.table, carrier=carrier, replay_key=replay_key):
        raise RefusedError("replayed")
    try:
        return action(call=call)
    except Exception:
        # We failed: the carrier may send the same again, and that is no replay.
        with suppress(ApiError):
            forget(marks=call.table, carrier=carrier, replay_key=replay_key)
        raise
