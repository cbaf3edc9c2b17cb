"""What is known of a call that we placed: in the table before it is dialed, and brought up to date by webhooks."""

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from shared.errors import ApiError
from telephony.call_table import CallTable, Value
from telephony.carrier import FINAL_STATUSES, CallStatus, Machine

RECORD_SECONDS = 48 * 3600
"""How long a call can be asked for; longer than its idempotency key is kept, which must not point at nothing."""

DIALING_SECONDS = 30
"""How long a function can be at work on a request: API Gateway gives up then, and no function lives longer."""

DIALING, UNKNOWN = "dialing", "unknown"
"""Our own statuses before the carrier's first: being dialed, and nobody knows whether the carrier got the order."""

# A status only goes forward: webhooks overtake each other.
_RANKS: Final[Mapping[str, int]] = {
    **{DIALING: 0, UNKNOWN: 1, "queued": 2, "ringing": 3, "answered": 4},
    **dict.fromkeys(FINAL_STATUSES, 5),
}
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One call; times in epoch seconds, 0 where it hasn't happened.

    `dialed_id` is what the carrier answered when it was dialed, `carrier_call_id` what its webhooks call it, which some
    carriers don't promise to be the same; each is empty until it is known. `owner` stands for the subject that placed
    the call, `to` is masked, `body` is compact JSON for the agent.
    """

    call: str = field(repr=False)
    carrier: str
    status: str
    owner: str = field(repr=False)
    to: str
    body: str = field(repr=False)
    dialed_id: str = field(default="", repr=False)
    carrier_call_id: str = field(default="", repr=False)
    answered_by: str = ""
    created_at: int = 0
    answered_at: int = 0
    ended_at: int = 0

    def with_status(self, status: str) -> Self:
        """The same call, a step further."""
        return replace(self, status=status)

    @property
    def ended(self) -> bool:
        """Whether the carrier has said that the call is over."""
        return self.status in FINAL_STATUSES

    def as_json(self) -> dict[str, object]:
        """What GET /calls/{call_id} answers; what isn't known yet is left out."""
        shown: dict[str, object] = {
            "id": self.call,
            "status": self.status,
            "carrier": self.carrier,
            "to": self.to,
            "createdAt": _iso(self.created_at),
        }
        if self.answered_at:
            shown["answeredAt"] = _iso(self.answered_at)
        if self.answered_by:
            shown["answeredBy"] = self.answered_by
        if self.ended_at:
            shown["endedAt"] = _iso(self.ended_at)
        if self.ended_at and self.answered_at:
            shown["durationSeconds"] = self.ended_at - self.answered_at
        return shown


def new_call_id() -> str:
    """128 random bits, fit for a URL; the carrier's webhooks name the call by it."""
    return secrets.token_urlsafe(16)


def owner_of(*, subject: str) -> str:
    """What stands for a token's subject in the table: 64 hexadecimal digits."""
    return hashlib.sha256(subject.encode()).hexdigest()


def add_record(*, record: CallRecord, table: CallTable) -> None:
    """Write a call that isn't dialed yet; raises `ApiError`."""
    values: dict[str, Value] = {
        "carrier": record.carrier,
        "status": record.status,
        "rank": _RANKS[record.status],
        "owner": record.owner,
        "to": record.to,
        "body": record.body,
        "dialedId": record.dialed_id,
        "carrierCallId": record.carrier_call_id,
        "answeredBy": record.answered_by,
        "createdAt": record.created_at,
        "answeredAt": record.answered_at,
        "endedAt": record.ended_at,
    }
    table.put_once(key=_key(record.call), expires=record.created_at + RECORD_SECONDS, values=values)


def remove_record(*, call: str, table: CallTable) -> None:
    """Forget a call that is known not to have been dialed."""
    table.delete(key=_key(call))


def find_call(*, call: str, table: CallTable) -> CallRecord | None:
    """The call of this id, whoever placed it; None for any other text. Raises `ApiError`."""
    if not _CALL_ID.fullmatch(call):
        return None
    item: dict[str, Any] | None = table.get(key=_key(call))
    if item is None:
        return None
    status = item["status"]
    if status == DIALING and time.time() >= item["createdAt"] + DIALING_SECONDS:
        status = UNKNOWN  # whoever dialed it is gone, and has not said what came of it
    return CallRecord(
        call=call,
        carrier=item["carrier"],
        status=status,
        owner=item["owner"],
        to=item["to"],
        body=item["body"],
        dialed_id=item["dialedId"],
        carrier_call_id=item["carrierCallId"],
        answered_by=item["answeredBy"],
        created_at=item["createdAt"],
        answered_at=item["answeredAt"],
        ended_at=item["endedAt"],
    )


def owned_call(*, event: Mapping[str, Any], subject: str, table: CallTable) -> CallRecord:
    """The call in the path, if this subject placed it; raises `ApiError` (404), the same for somebody else's."""
    record = find_call(call=event["pathParameters"]["call_id"], table=table)
    if record is None or not secrets.compare_digest(record.owner, owner_of(subject=subject)):
        raise ApiError(
            status=404,
            code="unknown_call",
            message=(
                "You have placed no such call, or it is more than two days ago; use the id that POST /calls answered"
                " with, and the access token of the same client."
            ),
        )
    return record


def note_dialed(*, call: str, dialed_id: str, table: CallTable) -> None:
    """Keep the id that the carrier answered with. Its webhooks may have been faster, and what they said stays."""
    key = _key(call)
    if not _advance(key=key, status="queued", values={"dialedId": dialed_id}, table=table):
        table.update(key=key, values={"dialedId": dialed_id})


def note_unknown(*, call: str, table: CallTable) -> None:
    """Nobody knows whether the carrier places this call; its webhooks will tell, if it does."""
    _advance(key=_key(call), status=UNKNOWN, values={}, table=table)


def note_status(*, call: str, call_id: str, status: CallStatus, table: CallTable) -> bool:
    """Bring a call up to date by a webhook of the carrier, which calls it `call_id`; False where nothing changed.

    Nothing changes for a status that comes late, for an unknown call, and for another call than the one that the first
    webhook named. Raises `ApiError`.
    """
    now = int(time.time())
    values: dict[str, Value] = {"carrierCallId": call_id}
    if status == "answered":
        values["answeredAt"] = now
    if status in FINAL_STATUSES:
        values["endedAt"] = now
    return _advance(key=_key(call), status=status, values=values, table=table, carrier_call_id=call_id)


def note_machine(*, call: str, call_id: str, machine: Machine, table: CallTable) -> bool:
    """Keep who answered; the first result stays. False where nothing changed. Raises `ApiError`."""
    return table.update(
        key=_key(call),
        values={"answeredBy": machine, "carrierCallId": call_id},
        one_of={"carrierCallId": ("", call_id), "answeredBy": ("",)},
    )


def _advance(
    *, key: str, status: str, values: Mapping[str, Value], table: CallTable, carrier_call_id: str | None = None
) -> bool:
    rank = _RANKS[status]
    return table.update(
        key=key,
        values={"status": status, "rank": rank, **values},
        one_of={} if carrier_call_id is None else {"carrierCallId": ("", carrier_call_id)},
        below={"rank": rank},
    )


def _key(call: str) -> str:
    return f"call#{call}"


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
