"""A room: what it was made with, when it is over, and the meeting in it."""

import itertools
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from local.daily.errors import DailyError
from local.daily.meeting import Meeting

MAX_NAME_CHARACTERS: Final = 128

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_orders = itertools.count()


@dataclass(kw_only=True)
class Room:
    """One room of a domain; `sip_user` is the first part of its SIP addresses."""

    name: str
    domain: str
    privacy: str
    properties: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: float = field(default_factory=time.time)
    order: int = field(default_factory=lambda: next(_orders))
    sip_user: str = field(default_factory=lambda: str(secrets.randbelow(10**12)))
    meeting: Meeting = field(default_factory=Meeting)

    @property
    def url(self) -> str:
        """The room's URL, as Daily's clients take it."""
        return f"https://{self.domain}.daily.co/{self.name}"

    @property
    def expires(self) -> float | None:
        """Seconds since the epoch; None for a room that stays."""
        exp: float | None = self.properties.get("exp")
        return exp

    @property
    def max_participants(self) -> int:
        """How many may be in the room at once."""
        return int(self.properties.get("max_participants", 200))

    @property
    def sip_endpoints(self) -> list[str]:
        """The SIP addresses that a call can be directed to; none without the property `sip`."""
        sip = self.properties.get("sip")
        count = sip.get("num_endpoints", 1) if sip else 0
        return [f"sip:{self.sip_user}.{number}@{self.domain}.sip.daily.co" for number in range(count)]

    def has_expired(self, now: float) -> bool:
        """Whether the room counts as deleted, as the API treats one whose `exp` has passed."""
        return self.expires is not None and self.expires <= now

    def as_json(self) -> dict[str, object]:
        """Return the room as the API shows it."""
        config = dict(self.properties)
        if endpoints := self.sip_endpoints:
            more = {"extra_endpoints": endpoints[1:]} if len(endpoints) > 1 else {}
            config["sip_uri"] = {"endpoint": endpoints[0].removeprefix("sip:"), **more}
        created = datetime.fromtimestamp(self.created, UTC)
        return {
            "id": self.id,
            "name": self.name,
            "api_created": True,
            "privacy": self.privacy,
            "url": self.url,
            "created_at": f"{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z",
            "config": config,
        }


def checked_name(name: object) -> str:
    """Return a room's name, a random one where none is given; raise `DailyError` for one that Daily refuses.

    https://docs.daily.co/reference/rest-api/rooms/create-room
    """
    if name is None:
        return secrets.token_urlsafe(15)
    if not isinstance(name, str) or not name or _UNFIT.search(name) or len(name) > MAX_NAME_CHARACTERS:
        raise DailyError.invalid(
            f"name has to be 1 to {MAX_NAME_CHARACTERS} of the characters A-Z, a-z, 0-9, - and _, got {name!r}"
        )
    return name


def checked_privacy(body: Mapping[str, Any]) -> str:
    """Return who may join: anybody by default."""
    privacy = body.get("privacy", "public")
    if privacy not in ("public", "private"):
        raise DailyError.invalid(f"privacy has to be public or private, got {privacy!r}")
    return str(privacy)
