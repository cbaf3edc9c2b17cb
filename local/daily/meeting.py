"""The meeting in a room: who is there, what they hear of each other, and who is shown the door.

Nothing is mixed: everybody gets everybody's audio as it was sent. It doesn't prove codecs, bandwidth, packet loss, the
clock of a jitter buffer, or how long Daily takes to tell that somebody came or left.
"""

import struct
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.daily.loudness import ActiveSpeaker

RATE: Final = struct.Struct("<I")
MAX_AUDIO_BYTES: Final = 64_000

type Event = Mapping[str, object]
type Tell = Callable[[Event], None]
type Play = Callable[[bytes], None]


@dataclass(kw_only=True, eq=False)
class Member:
    """Somebody in a room, a phone included: `tell` and `play` must not wait."""

    tell: Tell
    play: Play
    user_name: str
    user_id: str | None = None
    is_owner: bool = False
    is_phone: bool = False
    microphone: bool = True
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    joined: float = field(default_factory=time.time)
    eject: Callable[[str], None] = lambda _reason: None

    def as_json(self) -> dict[str, object]:
        """Return the participant in the shape of daily-python's types.

        https://reference-python.daily.co/types.html#participant
        """
        return {
            "id": self.id,
            "info": {
                "isLocal": False,
                "isOwner": self.is_owner,
                "joinedAt": int(self.joined),
                "userId": self.user_id or self.id,
                "userName": self.user_name,
                "permissions": {"hasPresence": True, "canSend": True, "canAdmin": self.is_owner},
            },
            "media": {
                "camera": _off(),
                "microphone": _playable() if self.microphone else _off(),
                "screenVideo": _off(),
                "screenAudio": _off(),
                "customVideo": {},
                "customAudio": {},
            },
        }


@dataclass(eq=False)
class Meeting:
    """Who is in a room now; `id` is of the meeting session, which begins when the first one joins."""

    id: str | None = None
    members: dict[str, Member] = field(default_factory=dict)
    recording: bool = False
    speaker: ActiveSpeaker = field(default_factory=ActiveSpeaker)

    def join(self, member: Member) -> None:
        """Let somebody in, and tell the others."""
        if not self.members:
            self.id, self.recording, self.speaker = str(uuid.uuid4()), False, ActiveSpeaker()
        self.members[member.id] = member
        self.tell_others(member.id, {"type": "participant-joined", "participant": member.as_json()})

    def leave(self, member_id: str) -> None:
        """Let somebody go, and tell the others; nothing when they have gone."""
        member = self.members.pop(member_id, None)
        if member:
            left = {"type": "participant-left", "participant": member.as_json(), "reason": "leftCall"}
            self.tell_all(left)

    def eject(self, ids: list[str], *, reason: str) -> list[str]:
        """Put out whom of these is here, and return them."""
        found = [self.members[each] for each in ids if each in self.members]
        for member in found:
            member.eject(reason)
            self.leave(member.id)
        return [member.id for member in found]

    def set_microphone(self, member_id: str, *, on: bool) -> None:
        """Switch a microphone, and tell the others where that changes it."""
        member = self.members[member_id]
        if member.microphone != on:
            member.microphone = on
            self.tell_others(member_id, {"type": "participant-updated", "participant": member.as_json()})

    def pass_audio(self, member_id: str, packet: bytes) -> None:
        """Pass audio on: four bytes of sample rate, then 16-bit mono; each listener gets the speaker's id before it."""
        member = self.members.get(member_id)
        if member is None or not member.microphone or not is_audio(packet):
            return
        named = uuid.UUID(member_id).bytes + packet
        for other in list(self.members.values()):
            if other is not member:
                other.play(named)
        if self.speaker.heard(member_id, packet[RATE.size :]):
            self.tell_all({"type": "active-speaker-changed", "participant": member.as_json()})

    def tell_all(self, event: Event) -> None:
        """Tell everybody."""
        for member in list(self.members.values()):
            member.tell(event)

    def tell_others(self, member_id: str, event: Event) -> None:
        """Tell everybody but one."""
        for member in list(self.members.values()):
            if member.id != member_id:
                member.tell(event)

    def as_json(self) -> list[dict[str, Any]]:
        """Return who is here, for those who administer the stand-in."""
        return [
            {
                "id": member.id,
                "userId": member.user_id,
                "userName": member.user_name,
                "owner": member.is_owner,
                "phone": member.is_phone,
                "joinedAt": member.joined,
            }
            for member in self.members.values()
        ]


def is_audio(packet: bytes) -> bool:
    """Whether a packet holds a sample rate and whole samples, and no more than may be sent at once."""
    samples = len(packet) - RATE.size
    if samples <= 0 or samples % 2 or samples > MAX_AUDIO_BYTES:
        return False
    rate: int = RATE.unpack_from(packet)[0]
    return 8_000 <= rate <= 48_000


def _off() -> dict[str, object]:
    return {"state": "off", "subscribed": "unsubscribed", "offReasons": ["user"]}


def _playable() -> dict[str, object]:
    return {"state": "playable", "subscribed": "subscribed"}
