"""Who of several people in a room is heard."""

from dataclasses import dataclass, field

import numpy as np

from daily_room.floor import Floor

FRAME_SECONDS, SAMPLES = 0.02, 320


def noise(level: float, *, seed: int = 0) -> bytes:
    """20 ms of noise of this level (its root mean square)."""
    return np.random.default_rng(seed).normal(0, level, SAMPLES).astype(np.int16).tobytes()


VOICE, QUIET = noise(3_000), noise(30)


@dataclass
class Room:
    """A room in which everybody's audio comes every 20 ms."""

    at: float = 100.0
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.floor = Floor(now=lambda: self.at)

    def pass_time(self, seconds: float, **audio: bytes) -> list[str]:
        """Let time pass in which these people's microphones give this; whose audio was heard, frame by frame."""
        before = len(self.heard)
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.at += FRAME_SECONDS
            for who, pcm in audio.items():
                self.heard += [(who, each) for each in self.floor.take(who, pcm)]
        return [who for who, _ in self.heard[before:]]


def test_who_is_alone_is_heard_as_it_comes() -> None:
    room = Room()
    room.pass_time(0.1, ann=QUIET)
    room.pass_time(0.1, ann=VOICE)

    assert room.heard == [("ann", QUIET)] * 5 + [("ann", VOICE)] * 5


def test_who_speaks_after_a_pause_gets_the_floor_with_the_first_sounds() -> None:
    room = Room()
    room.pass_time(1.0, ann=VOICE, ben=QUIET)
    room.pass_time(1.0, ann=QUIET, ben=QUIET)
    heard = room.pass_time(0.5, ann=QUIET, ben=VOICE)

    assert set(heard[1:]) == {"ben"}  # ann's frame of the moment in which ben begins has gone through before
    assert [pcm for who, pcm in room.heard if who == "ben"][:6] == [QUIET] * 5 + [VOICE]


def test_who_speaks_is_not_talked_over() -> None:
    room = Room()
    room.pass_time(0.5, ann=VOICE, ben=QUIET)
    between_words = room.pass_time(0.4, ann=QUIET, ben=VOICE)
    room.pass_time(0.2, ann=VOICE, ben=VOICE)
    after_the_turn = room.pass_time(1.0, ann=QUIET, ben=VOICE)

    assert set(between_words) == {"ann"}
    assert after_the_turn[-1] == "ben"


def test_a_noisy_room_is_no_voice() -> None:
    room = Room()
    street = noise(900)
    room.pass_time(6.0, ann=QUIET, ben=street)
    room.pass_time(0.5, ann=VOICE, ben=street)
    heard = room.pass_time(3.0, ann=QUIET, ben=street)

    assert set(heard) == {"ann"}


def test_who_is_muted_or_has_left_does_not_keep_the_floor() -> None:
    room = Room()
    room.pass_time(1.0, ann=VOICE, ben=QUIET)
    muted = room.pass_time(1.0, ben=QUIET)
    room.floor.leave("ben")
    left = room.pass_time(0.02, cho=QUIET)

    assert len(muted) > 30
    assert left == ["cho"]
