"""Who is in a room, as `GET /presence` tells it: https://docs.daily.co/reference/rest-api/presence."""

from datetime import UTC, datetime

from local.daily.room import Room


def presence_of(room: Room, *, now: float) -> list[dict[str, object]]:
    """Return a room's participants; `userId` is that of the meeting token, or null."""
    return [
        {
            "room": room.name,
            "id": member.id,
            "userId": member.user_id,
            "userName": member.user_name,
            "mtgSessionId": room.meeting.id,
            "joinTime": f"{datetime.fromtimestamp(member.joined, UTC):%Y-%m-%dT%H:%M:%S}.000Z",
            "duration": int(now - member.joined),
        }
        for member in room.meeting.members.values()
    ]
