"""`sweep`, every minute: the rooms that nobody told us to delete, since whoever should have told was killed."""

import itertools
import time
from collections.abc import Mapping
from typing import Any

from rooms.settings import Settings
from shared.credentials import Credentials
from shared.daily.counted import count
from shared.daily.domain import Domain
from shared.errors import ApiError

MIN_AGE_SECONDS = 120
"""A younger room may be one whose agent is on its way: starting, joining, and seen by presence up to 15 s later."""

SWEEP_SECONDS = 24.0
"""For all requests of a sweep; the function has 29 s."""

LOOK_SECONDS = 16.0
"""How long single rooms are looked at: however slow Daily is, some time is left to delete what was found."""

CHUNK = 50
"""Rooms looked at one by one before they are deleted together."""

_MARGIN_SECONDS = 3600
"""Daily's clock and ours may differ, and a room may be listed a little beyond its end."""


def sweep(*, event: Mapping[str, Any], settings: Settings, credentials: Credentials) -> str:
    """Delete this deployment's rooms that have no agent in them, and say how many there were.

    Whether an agent is in a room is asked twice, for all rooms and for each suspect: one wrong answer ends no call.
    Rooms of other names are never touched. What Daily is too busy for is left to the next sweep; where Daily fails,
    this raises `ApiError`.
    """
    began = time.monotonic()
    domain = Domain(daily=settings.daily, credentials=credentials, deadline=began + SWEEP_SECONDS)
    swept = 0
    try:
        suspects = _suspects(domain=domain, session_seconds=settings.daily.session_seconds)
        for start in range(0, len(suspects), CHUNK):
            in_time = itertools.takewhile(
                lambda _: time.monotonic() < began + LOOK_SECONDS, suspects[start : start + CHUNK]
            )
            dead = [name for name in in_time if _is_forsaken(name=name, domain=domain)]
            swept += _deleted(names=dead, domain=domain)
    except ApiError as error:
        if error.code != "daily_busy":
            raise
        return f"{swept} rooms deleted; the rest is left to the next sweep: {error.note}"
    return f"{swept} rooms deleted"


def _suspects(*, domain: Domain, session_seconds: int) -> list[str]:
    """Rooms that should have an agent and, by the presence of the whole domain, have none; the oldest first."""
    now = time.time()
    rooms = domain.rooms(since=now - session_seconds - _MARGIN_SECONDS)
    old = [room.name for room in rooms if room.created_at <= now - MIN_AGE_SECONDS]
    occupied = domain.rooms_with_agent() if old else set()
    return [name for name in reversed(old) if name not in occupied]


def _is_forsaken(*, name: str, domain: Domain) -> bool:
    """Whether the room is there without an agent; the people in it are ejected, which deleting it may not do."""
    people = domain.people(name=name)
    if people.has_agent or not people.is_there:
        return False
    domain.eject(name=name, ids=people.ids)
    return True


def _deleted(*, names: list[str], domain: Domain) -> int:
    deleted = domain.delete(names=names)
    if deleted:
        count("RoomsSwept", daily=domain.daily, times=deleted)
    return deleted
