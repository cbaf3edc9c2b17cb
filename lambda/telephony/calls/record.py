"""What is known of a call that we placed: in the table before it is dialed, and brought up to date by webhooks."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from shared.call_status import DIALING, FINAL_STATUSES, RANKS, UNKNOWN, advance, call_key, is_call_id
from shared.call_table import CallTable, Value
from shared.errors import ApiError
from telephony.carrier import Machine

RECORD_SECONDS = 48 * 3600
"""How long a call can be asked for; longer than its idempotency key is kept, which must not point at nothing."""

DIALING_SECONDS = 30
"""How long a function can be at work on a request: API Gateway gives up then, and no function lives longer."""

LONGEST_CALL_SECONDS = 3600 + 300
"""No call lasts longer than `telephony.max_call_seconds` may be, with some time to ring: a carrier, or a killed agent,
that hasn't told of its end by then never will."""


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
        "rank": RANKS[record.status],
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
    table.put_once(key=call_key(record.call), expires=record.created_at + RECORD_SECONDS, values=values)


def remove_record(*, call: str, table: CallTable) -> None:
    """Forget a call that is known not to have been dialed."""
    table.delete(key=call_key(call))


def find_call(*, call: str, table: CallTable) -> CallRecord | None:
    """The call of this id, whoever placed it; None for any other text. Raises `ApiError`."""
    if not is_call_id(call):
        return None
    item: dict[str, Any] | None = table.get(key=call_key(call))
    if item is None:
        return None
    status = item["status"]
    if time.time() >= item["createdAt"] + _silent_seconds(status=status):
        status = UNKNOWN  # whoever dialed it, or had to say what came of it, is gone
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


def _silent_seconds(*, status: str) -> int:
    """How long after its making a call can have this status: a final one for ever."""
    if status in FINAL_STATUSES:
        return RECORD_SECONDS
    return DIALING_SECONDS if status == DIALING else LONGEST_CALL_SECONDS


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
    if not advance(call=call, status="queued", values={"dialedId": dialed_id}, table=table):
        table.update(key=call_key(call), values={"dialedId": dialed_id})


def note_unknown(*, call: str, table: CallTable) -> None:
    """Nobody knows whether the carrier places this call; its webhooks will tell, if it does."""
    advance(call=call, status=UNKNOWN, values={}, table=table)


def note_machine(*, call: str, call_id: str, machine: Machine, table: CallTable) -> bool:
    """Keep who answered; the first result stays. False where nothing changed. Raises `ApiError`."""
    return table.update(
        key=call_key(call),
        values={"answeredBy": machine, "carrierCallId": call_id},
        one_of={"carrierCallId": ("", call_id), "answeredBy": ("",)},
    )


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
