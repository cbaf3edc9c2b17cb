"""How a call that we placed stands, in the table: a status only goes forward, in whatever order its carrier tells.

It lies here, and not in the telephony package, since calls in Daily's rooms are told of by the rooms function.
"""

import re
import time
from collections.abc import Mapping
from typing import Final, Literal, get_args

from shared.call_table import CallTable, Value

type CallStatus = Literal["queued", "ringing", "answered", "completed", "busy", "no-answer", "failed", "canceled"]

STATUSES: Final[tuple[CallStatus, ...]] = get_args(CallStatus.__value__)
"""What a carrier may say of a call."""

FINAL_STATUSES: Final[frozenset[CallStatus]] = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
"""After one of these a call is over."""

DIALING, UNKNOWN = "dialing", "unknown"
"""Our own statuses before the carrier's first: being dialed, and nobody knows whether the carrier got the order."""

RANKS: Final[Mapping[str, int]] = {
    **{DIALING: 0, UNKNOWN: 1, "queued": 2, "ringing": 3, "answered": 4},
    **dict.fromkeys(FINAL_STATUSES, 5),
}

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def is_call_id(text: str) -> bool:
    """Whether the text has the form of our own id of a call, of whichever one."""
    return _CALL_ID.fullmatch(text) is not None


def call_key(call: str) -> str:
    """Where the table keeps a call, by our id of it."""
    return f"call#{call}"


def note_status(*, call: str, call_id: str, status: CallStatus, table: CallTable) -> bool:
    """Bring a call up to date by what its carrier, which calls it `call_id`, says; False where nothing changed.

    Nothing changes for a status that comes late, for an unknown call, and for another call than the one that the first
    status named. A carrier that knows no id of its own is given ours for it. Raises `ApiError`.
    """
    now = int(time.time())
    values: dict[str, Value] = {"carrierCallId": call_id}
    if status == "answered":
        values["answeredAt"] = now
    if status in FINAL_STATUSES:
        values["endedAt"] = now
    return advance(call=call, status=status, values=values, table=table, carrier_call_id=call_id)


def advance(
    *, call: str, status: str, values: Mapping[str, Value], table: CallTable, carrier_call_id: str | None = None
) -> bool:
    """Set a status and what comes with it, unless the call is as far already; raises `ApiError`."""
    rank = RANKS[status]
    return table.update(
        key=call_key(call),
        values={"status": status, "rank": rank, **values},
        one_of={} if carrier_call_id is None else {"carrierCallId": ("", carrier_call_id)},
        below={"rank": rank},
    )
