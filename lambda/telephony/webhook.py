"""A carrier's webhook: signature first, then its URL, then once only, and then what it is for."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from shared.credentials import Credentials
from shared.errors import ApiError
from shared.session_key import session_key
from telephony.after_stream import after_stream
from telephony.answer import answer, consent
from telephony.calls.table import call_table
from telephony.carrier import Kind, RoomCarrier, SignatureError, StreamCarrier, UrlTest, Webhook, WebhookRequest
from telephony.carrier_secret import verify_webhook
from telephony.events import events
from telephony.phone_call import RECEIVED, PhoneCall, Reply, RoomCall, StreamedCall
from telephony.replay import Marks, forget, mark_seen
from telephony.settings import Settings
from telephony.webhook_urls import WrongUrlError, call_of, check_inbound

_KEY_SECONDS = 2

_OF_STREAMS: Mapping[Kind, Callable[..., Reply]] = {
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
    *, request: WebhookRequest, carrier: StreamCarrier | RoomCarrier, settings: Settings, credentials: Credentials
) -> tuple[PhoneCall | None, Reply]:
    """The call that a true webhook tells of, None for one that is about no call, and the answer.

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
        told = carrier.read(request=request)
        if isinstance(told, Webhook):
            check_inbound(request=request, carrier=carrier.name, key=key, call_id=told.call_id)
    except WrongUrlError:
        raise RefusedError("wrong url") from None
    call, act = _call_and_action(
        kind=request.kind, carrier=carrier, told=told, ours=ours, key=key, settings=settings, credentials=credentials
    )
    marks = call_table(settings=settings, credentials=credentials)
    return call, _once(carrier=carrier.name, replay_key=told.replay_key, marks=marks, act=act)


def _call_and_action(
    *,
    kind: Kind,
    carrier: StreamCarrier | RoomCarrier,
    told: Webhook | UrlTest,
    ours: str,
    key: bytes,
    settings: Settings,
    credentials: Credentials,
) -> tuple[PhoneCall | None, Callable[[], Reply]]:
    """What to do: all that is different between the kinds of carriers; raises `RefusedError`."""
    if isinstance(told, UrlTest):
        return None, partial(Reply, document=RECEIVED, note="a test of the URL")
    if not isinstance(carrier, RoomCarrier):
        streamed = StreamedCall(
            carrier=carrier, webhook=told, call=ours, key=key, settings=settings, credentials=credentials
        )
        return streamed, partial(_OF_STREAMS[kind], call=streamed)
    if kind != "answer":
        raise RefusedError("wrong url")  # signed for the one URL that such a carrier was given
    from telephony.join import join  # here, so that no stream's webhook waits for what rooms need

    in_room = RoomCall(carrier=carrier, webhook=told, call=ours, key=key, settings=settings, credentials=credentials)
    return in_room, partial(join, call=in_room)


def _once(*, carrier: str, replay_key: str, marks: Marks, act: Callable[[], Reply]) -> Reply:
    if not mark_seen(marks=marks, carrier=carrier, replay_key=replay_key):
        raise RefusedError("replayed")
    try:
        return act()
    except Exception:
        # We failed: the carrier may send the same again, and that is no replay.
        with suppress(ApiError):
            forget(marks=marks, carrier=carrier, replay_key=replay_key)
        raise
