"""GET /calls/{call_id}: how a call of the caller's own stands."""

from collections.abc import Mapping
from typing import Any

from shared.answer import Answer
from shared.credentials import Credentials
from telephony.calls.record import owned_call
from telephony.calls.scope import check_scope
from telephony.calls.table import call_table
from telephony.settings import Settings


def status(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer with the call as POST /calls did, and with what its carrier has said of it since.

    Raises `ApiError`: 403 without the scope, 404 for a call that this subject hasn't placed, 503 without the table.
    """
    check_scope(event=event, scope=settings.calls_scope)
    record = owned_call(event=event, subject=subject, table=call_table(settings=settings, credentials=credentials))
    return Answer(
        status=200, metric="CallsAskedFor", payload=record.as_json(), note=f"{record.carrier} {record.status}"
    )
