"""Who is in the call, as `CallClient.participants()` tells it: https://reference-python.daily.co/types.html."""

import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

_TRACKS: Final = ("camera", "microphone", "screenVideo", "screenAudio")


class Participants:
    """The local participant and the others; taken from several threads, and replaced as a whole."""

    def __init__(self) -> None:
        self.local: dict[str, Any] = _local_before_joining()
        self.others: dict[str, Mapping[str, Any]] = {}
        self.active_speaker: Mapping[str, Any] | None = None
        self.joined = False

    def join(self, answer: Mapping[str, Any]) -> None:
        """Take in what the hub tells whoever joins."""
        mine = answer["participant"]
        self.local = {**mine, "info": {**mine["info"], "isLocal": True}}
        self.others = {each["id"]: each for each in answer["others"]}
        self.joined = True

    def put(self, participant: Mapping[str, Any]) -> None:
        """Add or replace one."""
        self.others = {**self.others, participant["id"]: participant}

    def remove(self, participant_id: str) -> None:
        """Forget one."""
        self.others = {key: value for key, value in self.others.items() if key != participant_id}

    def leave(self) -> None:
        """Be alone again."""
        self.others, self.joined, self.active_speaker = {}, False, None

    def as_mapping(self) -> dict[str, Any]:
        """Return everybody; the local participant's key is "local"."""
        return {"local": self.local, **self.others}

    def counts(self) -> dict[str, int]:
        """Return how many there are; none before joining."""
        return {"hidden": 0, "present": len(self.others) + 1 if self.joined else 0}


def _local_before_joining() -> dict[str, Any]:
    off = {"offReasons": ["user"], "state": "off", "subscribed": "unsubscribed"}
    return {
        "id": str(uuid.uuid4()),
        "info": {"isLocal": True, "isOwner": False, "joinedAt": int(time.time())},
        "media": {**{name: dict(off) for name in _TRACKS}, "customAudio": {}, "customVideo": {}},
    }
