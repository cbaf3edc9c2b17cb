"""DELETE /calls/{call_id}: hangs up a call of the caller's own."""

from collections.abc import Mapping
from typing import Any

from shared.answer import Answer
from shared.credentials import Credentials
from shared.errors import ApiError
from telephony.calls.line import open_line
from telephony.calls.record import CallRecord, owned_call
from telephony.calls.scope import check_scope
from telephony.calls.table import call_table
from telephony.carriers import load
from telephony.settings import Settings


def end(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the carrier has ended the call, also when it had ended before.

    Its status follows by the carrier's own webhook, if it has one. Raises `ApiError`: 403, 404 as GET does, 409 for a
    call that the carrier has told no id of, 502 or 503 where it isn't done.
    """
    check_scope(event=event, scope=settings.calls_scope)
    record = owned_call(event=event, subject=subject, table=call_table(settings=settings, credentials=credentials))
    if not record.ended:
        _hang_up(record=record, settings=settings, credentials=credentials)
    return Answer(
        status=204, metric="CallsHungUp", note=f"{record.carrier} {'already gone' if record.ended else 'hung up'}"
    )


def _hang_up(*, record: CallRecord, settings: Settings, credentials: Credentials) -> None:
    if record.carrier not in settings.carriers:
        raise ApiError(
            status=409,
            code="carrier_not_deployed",
            message=f"This deployment has no {record.carrier} any more, through which the call was placed.",
        )
    open_line(carrier=load(record.carrier), settings=settings, credentials=credentials).hang_up(record=record)
