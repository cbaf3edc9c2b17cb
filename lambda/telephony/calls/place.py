"""POST /calls: has a carrier call somebody, once, if nothing stands against it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.answer import Answer
from shared.call_status import DIALING, UNKNOWN
from shared.call_table import CallTable
from shared.credentials import Credentials
from shared.errors import ApiError
from shared.session_key import session_key
from telephony.calls.callee import Callee, masked, read_callee
from telephony.calls.carrier_errors import dial_error
from telephony.calls.idempotency import IdempotencyKey, idempotency_key, still_at_work
from telephony.calls.limits import count_call
from telephony.calls.line import Line, open_line
from telephony.calls.quiet_hours import check_quiet_hours
from telephony.calls.record import (
    CallRecord,
    add_record,
    find_call,
    new_call_id,
    note_dialed,
    note_unknown,
    owner_of,
    remove_record,
)
from telephony.calls.request import CallRequest, chosen_carrier, parse_call_request
from telephony.calls.scope import check_scope
from telephony.calls.table import call_table
from telephony.carrier import Carrier, CarrierError, DialOrder
from telephony.carriers import load
from telephony.phone_session import pseudonym
from telephony.settings import Settings
from telephony.webhook_urls import call_urls


def place(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 201 with the call, as the carrier took it, or 202 where nobody knows whether the carrier got the order.

    The same `Idempotency-Key` gets the same call again, as it stands now. A refusal leaves nothing behind: the same
    key may be used again. Raises `ApiError`: 400, 403, 409, 413, 422, 429, 503; docs/telephony/outbound.md lists them.
    """
    check_scope(event=event, scope=settings.calls_scope)
    request = parse_call_request(event=event)
    key = idempotency_key(event=event, subject=subject, request=request)
    table = call_table(settings=settings, credentials=credentials)
    if call := key.find(table=table):
        return _again(call=call, table=table)
    order = _checked(request=request, settings=settings, credentials=credentials)
    return _once(order=order, key=key, owner=owner_of(subject=subject), table=table, settings=settings)


@dataclass(frozen=True, kw_only=True)
class _Order:
    """A call that may be placed, and by whom; `session_key` proves the webhooks' URLs and hides numbers in the log."""

    callee: Callee
    carrier: Carrier
    line: Line
    session_key: bytes = field(repr=False)
    body: str = field(repr=False)

    @property
    def note(self) -> str:
        """For the log: through whom, to which country, and a pseudonym of the number."""
        return f"{self.carrier.name} {self.callee.region} {pseudonym(key=self.session_key, number=self.callee.e164)}"


def _checked(*, request: CallRequest, settings: Settings, credentials: Credentials) -> _Order:
    carrier = load(chosen_carrier(asked=request.carrier, numbers=settings.numbers))
    callee = read_callee(
        to=request.to,
        allowed_countries=settings.allowed_countries,
        own_numbers={*settings.numbers.values(), settings.transfer_to},
    )
    check_quiet_hours(number=callee.number, to=masked(callee.e164), quiet_hours=settings.quiet_hours)
    return _Order(
        callee=callee,
        carrier=carrier,
        line=open_line(carrier=carrier, settings=settings, credentials=credentials),
        session_key=session_key(secret=settings.session_key, credentials=credentials),
        body=request.body,
    )


def _once(*, order: _Order, key: IdempotencyKey, owner: str, table: CallTable, settings: Settings) -> Answer:
    """Dial, if this request is the one that got the key; whatever is known not to have dialed gives it back."""
    record = CallRecord(
        call=new_call_id(),
        carrier=order.carrier.name,
        status=DIALING,
        owner=owner,
        to=masked(order.callee.e164),
        body=order.body,
        created_at=int(time.time()),
    )
    if not key.claim(call=record.call, table=table):
        call = key.find(table=table)
        return _again(call=call, table=table)
    try:
        count_call(
            table=table,
            owner=owner,
            per_caller=settings.calls_per_minute_per_caller,
            in_all=settings.calls_per_minute,
        )
        add_record(record=record, table=table)
        if not key.keep(call=record.call, table=table):
            raise still_at_work()
        dialed_id = _dial(order=order, call=record.call, settings=settings)
    except CarrierError as error:
        if error.carried_out:
            return _unknown(record=record, note=f"{order.note}: {error.note}", table=table)
        _forget(call=record.call, key=key, table=table)
        raise dial_error(error=error, carrier=order.carrier.name) from None
    except ApiError:
        _forget(call=record.call, key=key, table=table)
        raise
    return _dialed(record=record, dialed_id=dialed_id, note=order.note, table=table)


def _dial(*, order: _Order, call: str, settings: Settings) -> str:
    carrier = order.carrier
    urls = call_urls(carrier=carrier.name, call=call, settings=settings, key=order.session_key)
    return order.line.dial(
        order=DialOrder(
            to=order.callee.e164,
            from_=settings.numbers[carrier.name],
            call=call,
            urls=urls,
            machine_detection=settings.machine_detection,
            max_call_seconds=settings.max_call_seconds,
            body=order.body,
        )
    )


def _again(*, call: str, table: CallTable) -> Answer:
    """What became of the call that this key stands for already."""
    record = find_call(call=call, table=table)
    if record is None or record.status == DIALING:
        raise still_at_work()
    return _answer(record=record, metric="CallsAskedForAgain", note=record.carrier)


def _dialed(*, record: CallRecord, dialed_id: str, note: str, table: CallTable) -> Answer:
    """The carrier has the order: an answer other than that one would be wrong, even if the table can't be written."""
    try:
        note_dialed(call=record.call, dialed_id=dialed_id, table=table)
    except ApiError as error:
        note = f"{note}: its record is not up to date: {error.note}"
    return _answer(record=record.with_status("queued"), metric="CallsPlaced", note=note)


def _unknown(*, record: CallRecord, note: str, table: CallTable) -> Answer:
    """The carrier may have the order: the key stays taken, so that nobody is called twice."""
    try:
        note_unknown(call=record.call, table=table)
    except ApiError as error:
        note = f"{note}: its record is not up to date: {error.note}"
    return _answer(record=record.with_status(UNKNOWN), metric="CallsUnknown", note=note)


def _answer(*, record: CallRecord, metric: str, note: str) -> Answer:
    status = 202 if record.status == UNKNOWN and not record.dialed_id else 201
    return Answer(
        status=status,
        metric=metric,
        payload=record.as_json(),
        headers={"location": f"/calls/{record.call}"},
        note=note,
    )


def _forget(*, call: str, key: IdempotencyKey, table: CallTable) -> None:
    """Give the key back first: a key that is held must point at a record."""
    try:
        key.release(call=call, table=table)
        remove_record(call=call, table=table)
    except ApiError:
        # The refusal is what the caller is to hear. The key then lapses by itself, or stands for an unknown call.
        return
