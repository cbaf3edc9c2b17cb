"""What a bot is given of a call over Daily."""

from dataclasses import dataclass, field

from pipecat.runner.types import DailyRunnerArguments

from daily_room.connection import RoomConnection


@dataclass(kw_only=True)
class RoomRunnerArguments(DailyRunnerArguments):
    """Pipecat's arguments of a call over Daily, with the call's connection."""

    room_url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    connection: RoomConnection
