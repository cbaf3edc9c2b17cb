"""All rooms of this deployment at once, for the sweep: which there are, who is in them, and the end of many."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.credentials import Credentials
from shared.daily.api import DailyAnswer, ask, failed, refused
from shared.daily.settings import DailySettings
from shared.daily.tokens import AGENT_USER_ID

PAGE = 100
"""Rooms in one answer, the most that Daily gives: https://docs.daily.co/reference/rest-api/rooms/list-rooms."""

BATCH = 1000
"""Rooms that one request deletes at most: https://docs.daily.co/reference/rest-api/rooms/batch/delete."""

EJECTED_AT_ONCE = 100
"""Participants that one request ejects at most: https://docs.daily.co/reference/rest-api/rooms/session/eject."""

# Daily's page heads the batch's field with the one name, and documents it as the other.
_BATCH_FIELDS = ("room_names", "rooms")


@dataclass(frozen=True, kw_only=True)
class ListedRoom:
    """A room as Daily lists it; `created_at` is in seconds since the epoch."""

    name: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class People:
    """Who is in a room, if it is there: whether an agent is, and the participants' ids."""

    is_there: bool
    has_agent: bool
    ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Domain:
    """Daily's domain, seen by one sweep; every method raises `ApiError` as `ask` does.

    `deadline` is a time of `time.monotonic()`, for all of it together.
    """

    daily: DailySettings
    credentials: Credentials
    deadline: float

    def rooms(self, *, since: float) -> list[ListedRoom]:
        """This deployment's rooms that were made after `since`, an epoch second; others of the domain are left out.

        Rooms come newest first, and `starting_after` names the last of the page before.
        """
        found: list[ListedRoom] = []
        seen: set[str] = set()
        cursor = ""
        while True:
            page = self._page(cursor=cursor, seen=seen)
            seen |= {room["id"] for room in page}
            listed = [ListedRoom(name=room["name"], created_at=_created_at(room)) for room in page]
            found += [room for room in listed if room.created_at >= since and self._is_ours(room.name)]
            if len(page) < PAGE or listed[-1].created_at < since:
                return found
            cursor = f"&starting_after={page[-1]['id']}"

    def rooms_with_agent(self) -> set[str]:
        """The names of all rooms with an agent in them, up to 15 s old: https://docs.daily.co/reference/rest-api/presence."""
        operation = "GetPresence"
        fields = self._get(operation=operation, path="/presence")
        if not all(isinstance(people, list) for people in fields.values()):
            raise failed(operation=operation, problem="the answer is no map of rooms to participants")
        return {name for name, people in fields.items() if _has_agent(people)}

    def people(self, *, name: str) -> People:
        """Who is in this one room: https://docs.daily.co/reference/rest-api/rooms/get-room-presence."""
        operation = "GetRoomPresence"
        answer = self._ask(operation=operation, method="GET", path=f"/rooms/{name}/presence")
        if answer.status == 404:
            return People(is_there=False, has_agent=False, ids=())
        people = answer.fields.get("data") if answer.ok else None
        if not isinstance(people, list):
            raise failed(operation=operation, problem=f"HTTP {answer.status}, no list of participants")
        ids = tuple(str(person["id"]) for person in people if isinstance(person, dict) and "id" in person)
        return People(is_there=True, has_agent=_has_agent(people), ids=ids)

    def eject(self, *, name: str, ids: Sequence[str]) -> None:
        """Put these participants out of a room; those who have left meanwhile are no error.

        https://docs.daily.co/reference/rest-api/rooms/session/eject
        """
        operation = "Eject"
        for start in range(0, len(ids), EJECTED_AT_ONCE):
            some = list(ids[start : start + EJECTED_AT_ONCE])
            answer = self._ask(operation=operation, method="POST", path=f"/rooms/{name}/eject", payload={"ids": some})
            if answer.status == 400:
                raise refused(operation=operation, answer=answer)

    def delete(self, *, names: Sequence[str]) -> int:
        """Delete rooms of these names, and say how many of them there were.

        Daily deletes all of a request's rooms or none: one that has gone meanwhile fails them all. So a request that
        fails is halved, until what is left is single rooms.
        """
        deleted = 0
        batches = [list(names[start : start + BATCH]) for start in range(0, len(names), BATCH)]
        while batches:
            batch = batches.pop()
            if len(batch) == 1:
                deleted += self._delete_one(name=batch[0])
            elif self._delete_all(names=batch):
                deleted += len(batch)
            else:
                half = len(batch) // 2
                batches += [batch[:half], batch[half:]]
        return deleted

    def _is_ours(self, name: str) -> bool:
        return re.fullmatch(rf"{re.escape(self.daily.room_prefix)}-[0-9a-f]{{32}}", name) is not None

    def _page(self, *, cursor: str, seen: set[str]) -> list[dict[str, Any]]:
        operation = "ListRooms"
        fields = self._get(operation=operation, path=f"/rooms?limit={PAGE}{cursor}")
        page, total = fields.get("data"), fields.get("total_count")
        if not isinstance(page, list) or not all(_is_listed(room) for room in page) or not isinstance(total, int):
            raise failed(operation=operation, problem="the answer is no list of rooms with id, name and created_at")
        if not seen.isdisjoint(room["id"] for room in page) or (not page and len(seen) < total):
            raise failed(operation=operation, problem=f"the list does not go on after {len(seen)} of {total} rooms")
        return page

    def _get(self, *, operation: str, path: str) -> dict[str, Any]:
        answer = self._ask(operation=operation, method="GET", path=path)
        if not answer.ok:
            raise refused(operation=operation, answer=answer)
        return answer.fields

    def _delete_all(self, *, names: list[str]) -> bool:
        return any(
            self._ask(operation="BatchRoomDelete", method="DELETE", path="/batch/rooms", payload={field: names}).ok
            for field in _BATCH_FIELDS
        )

    def _delete_one(self, *, name: str) -> int:
        operation = "DeleteRoom"
        answer = self._ask(operation=operation, method="DELETE", path=f"/rooms/{name}")
        if answer.status == 400:
            raise refused(operation=operation, answer=answer)
        return int(answer.ok)

    def _ask(
        self, *, operation: str, method: str, path: str, payload: Mapping[str, object] | None = None
    ) -> DailyAnswer:
        return ask(
            operation=operation,
            method=method,
            path=path,
            payload=payload,
            daily=self.daily,
            credentials=self.credentials,
            deadline=self.deadline,
        )


def _is_listed(room: Any) -> bool:
    if not isinstance(room, dict) or not all(isinstance(room.get(name), str) for name in ("id", "name", "created_at")):
        return False
    try:
        _created_at(room)
    except ValueError:
        return False
    return re.fullmatch(r"[A-Za-z0-9-]{1,64}", room["id"]) is not None


def _created_at(room: dict[str, Any]) -> float:
    return datetime.fromisoformat(room["created_at"]).timestamp()


def _has_agent(people: list[Any]) -> bool:
    return any(isinstance(person, dict) and person.get("userId") == AGENT_USER_ID for person in people)
