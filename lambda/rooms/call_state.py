"""`call-status`: how a phone call stands that an agent placed from its room, for GET /calls/{call_id}."""

from collections.abc import Mapping
from typing import Any

from rooms.event import UnusableEventError, session_id_field, text_field
from rooms.settings import Settings
from shared.call_status import STATUSES, is_call_id, note_status
from shared.call_table import CallTable
from shared.credentials import Credentials


def call_state(*, event: Mapping[str, Any], settings: Settings, credentials: Credentials) -> str:
    """Bring the call's record up to date; a status that comes late changes nothing.

    Raises `ApiError` where the table can't be written: the event is then delivered again.
    """
    session_id_field(event=event)
    call = text_field(event=event, name="call", pattern=".{1,64}")
    status = next((known for known in STATUSES if known == event.get("status")), None)
    if not is_call_id(call) or status is None:
        raise UnusableEventError(f"call is no id of a call, or status is none of {', '.join(STATUSES)}")
    if not settings.call_table_name:
        raise UnusableEventError("this deployment places no phone calls: SWITCHBOARD_CALL_TABLE_NAME is not set")
    table = CallTable(
        name=settings.call_table_name,
        region=settings.call_table_region,
        endpoint_url=settings.dynamodb_url,
        credentials=credentials,
    )
    # Daily has no id of its own for a call that we place.
    changed = note_status(call=call, call_id=call, status=status, table=table)
    return f"{status}{'' if changed else ', which changed nothing'}"
