"""The endpoints of rooms: made, listed, changed, deleted, one by one and in batches; who is in them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.daily.account import Account
from local.daily.errors import DailyError
from local.daily.limits import RequestClass
from local.daily.presence import presence_of
from local.daily.rest_request import Json, Request, Route, only, route
from local.daily.room import Room, checked_name, checked_privacy
from local.daily.room_properties import check

PAGE: Final = 100
MAX_BATCH: Final = 1000
MAX_EJECTED: Final = 100


class RoomEndpoints:
    """Answers for the rooms of an account; `clock` returns Unix seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        """Return the endpoints."""
        name = r"(?P<name>[^/]+)"
        return (
            route("GET", "/rooms", self._list_rooms),
            route("POST", "/rooms", self._create_room),
            route("GET", f"/rooms/{name}", self._get_room),
            route("POST", f"/rooms/{name}", self._update_room),
            route("DELETE", f"/rooms/{name}", self._delete_room, RequestClass.DELETIONS),
            route("GET", f"/rooms/{name}/presence", self._room_presence),
            route("POST", f"/rooms/{name}/eject", self._eject),
            route("POST", "/batch/rooms", self._create_rooms),
            route("DELETE", "/batch/rooms", self._delete_rooms),
            route("GET", "/presence", self._presence),
        )

    def _list_rooms(self, account: Account, request: Request) -> Json:
        """List the newest first; `starting_after` and `ending_before` take the id of a room.

        https://docs.daily.co/reference/rest-api/rooms/list-rooms
        """
        rooms = account.open_rooms(now=self._clock())
        page = _page(rooms, request.query)
        return {"total_count": len(rooms), "data": [room.as_json() for room in page]}

    def _create_room(self, account: Account, request: Request) -> Json:
        return self._make_room(account, request.json()).as_json()

    def _make_room(self, account: Account, body: Mapping[str, Any]) -> Room:
        only(body, ("name", "privacy", "properties"))
        name = checked_name(body.get("name"))
        now = self._clock()
        if name in account.rooms and not account.rooms[name].has_expired(now):
            raise DailyError.invalid(f"a room named {name} already exists")
        properties = check(body.get("properties") or {}, now=now)
        if properties.get("enable_dialout") and not account.dial_out:
            raise DailyError.invalid("dial-out is not enabled for this domain")
        room = Room(name=name, domain=account.domain, privacy=checked_privacy(body), properties=properties)
        account.rooms[name] = room
        return room

    def _get_room(self, account: Account, request: Request, *, name: str) -> Json:
        return account.room(name, now=self._clock()).as_json()

    def _update_room(self, account: Account, request: Request, *, name: str) -> Json:
        body = request.json()
        only(body, ("privacy", "properties"))
        room = account.room(name, now=self._clock())
        changed = body.get("properties") or {}
        if not isinstance(changed, dict):
            raise DailyError.invalid("properties has to be an object")
        room.properties = check({**room.properties, **changed}, now=self._clock())
        room.privacy = checked_privacy({"privacy": room.privacy, **body})
        return room.as_json()

    def _delete_room(self, account: Account, request: Request, *, name: str) -> Json:
        """Delete a room; one that has expired is reported as missing, and as deleted.

        https://docs.daily.co/reference/rest-api/rooms/delete-room
        """
        room = account.rooms.pop(name, None)
        if room is None:
            raise DailyError.not_found(f"room {name} does not exist")
        if room.has_expired(self._clock()):
            raise DailyError.not_found(f"room {name} does not exist", more={"deleted": True})
        return {"deleted": True, "name": name}

    def _create_rooms(self, account: Account, request: Request) -> Json:
        body = request.json()
        only(body, ("rooms",))
        return [self._make_room(account, room).as_json() for room in _batch(body, "rooms")]

    def _delete_rooms(self, account: Account, request: Request) -> Json:
        """Delete all the rooms, or none where one of them isn't there.

        https://docs.daily.co/reference/rest-api/rooms/batch/delete names the array `rooms`, programs in use send
        `room_names`; an account of the stand-in takes one of them.
        """
        body = request.json()
        only(body, (account.batch_member,))
        names = _batch(body, account.batch_member)
        for name in names:
            if not isinstance(name, str):
                raise DailyError.invalid(f"{account.batch_member} has to be an array of names")
            account.room(name, now=self._clock())
        return {"deleted_count": sum(account.rooms.pop(name, None) is not None for name in names)}

    def _room_presence(self, account: Account, request: Request, *, name: str) -> Json:
        people = presence_of(account.room(name, now=self._clock()), now=self._clock())
        return {"total_count": len(people), "data": people}

    def _presence(self, account: Account, request: Request) -> Json:
        now = self._clock()
        found = {room.name: presence_of(room, now=now) for room in account.rooms.values()}
        return {name: people for name, people in found.items() if people}

    def _eject(self, account: Account, request: Request, *, name: str) -> Json:
        """Put people out, by their session's id or their token's user id.

        https://docs.daily.co/reference/rest-api/rooms/eject
        """
        body = request.json()
        only(body, ("ids", "user_ids"))
        for listed in body.values():
            if not isinstance(listed, list) or len(listed) > MAX_EJECTED:
                raise DailyError.invalid(f"ids and user_ids have to be arrays of {MAX_EJECTED} at most")
        meeting = account.room(name, now=self._clock()).meeting
        by_user = [each.id for each in meeting.members.values() if each.user_id in body.get("user_ids", [])]
        return {"ejectedIds": meeting.eject([*body.get("ids", []), *by_user], reason="ejected")}


def _batch(body: Mapping[str, Any], member: str) -> list[Any]:
    items = body.get(member)
    if not isinstance(items, list) or not 0 < len(items) <= MAX_BATCH:
        raise DailyError.invalid(f"{member} has to be an array of 1 to {MAX_BATCH}")
    return items


def _page(rooms: list[Room], query: Mapping[str, str]) -> list[Room]:
    only(dict(query), ("limit", "starting_after", "ending_before"))
    limit = query.get("limit", str(PAGE))
    if not limit.isdecimal() or not 0 < int(limit) <= PAGE:
        raise DailyError.invalid(f"limit has to be a number from 1 to {PAGE}, got {limit!r}")
    ids = [room.id for room in rooms]
    for name in ("starting_after", "ending_before"):
        if name in query and query[name] not in ids:
            raise DailyError.invalid(f"{name} has to be the id of a room")
    if "starting_after" in query:
        rooms = rooms[ids.index(query["starting_after"]) + 1 :]
    if "ending_before" in query:
        before = rooms[: ids.index(query["ending_before"])]
        return before[-int(limit) :]
    return rooms[: int(limit)]
