"""DELETE /calls/{call_id}: hangs up a call of the caller's own."""

from collections.abc import Mapping
from typing import Any

from shared import https_request
from shared.answer import Answer
from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError
from telephony.calls.carrier_errors import hang_up_error
from telephony.calls.record import CallRecord, owned_call
from telephony.calls.scope import check_scope
from telephony.calls.table import call_table
from telephony.carrier import CarrierError
from telephony.carrier_secret import current_secret
from telephony.carriers import load
from telephony.settings import Settings


def end(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 204 once the carrier has ended the call, also when it had ended before.

    Its status follows by the carrier's own webhook. Raises `ApiError`: 403, 404 as GET does, 409 for a call that the
    carrier has told no id of, 503 where the carrier does not do it.
    """
    check_scope(event=event, scope=settings.calls_scope)
    record = owned_call(event=event, subject=subject, table=call_table(settings=settings, credentials=credentials))
    if not record.ended:
        _hang_up(record=record, settings=settings, credentials=credentials)
    return Answer(
        status=204, metric="CallsHungUp", note=f"{record.carrier} {'already gone' if record.ended else 'hung up'}"
    )


def _hang_up(*, record: CallRecord, settings: Settings, credentials: Credentials) -> None:
    call_id = record.carrier_call_id or record.dialed_id
    if not call_id:
        raise ApiError(
            status=409,
            code="call_not_known",
            message="The carrier has not said whether it placed this call, so it can't be ended yet. Try again later.",
            headers=RETRY_LATER,
        )
    if record.carrier not in settings.carriers:
        raise ApiError(
            status=409,
            code="carrier_not_deployed",
            message=f"This deployment has no {record.carrier} any more, through which the call was placed.",
        )
    carrier = load(record.carrier)
    try:
        carrier.hang_up(
            call_id=call_id,
            secret=current_secret(carrier=carrier, settings=settings, credentials=credentials),
            http=https_request.request,
            api_url=settings.api_url(record.carrier),
        )
    except CarrierError as error:
        raise hang_up_error(error=error, carrier=record.carrier) from None
