"""200 calls begin at the same moment and end in every way: each had a room, and no room is left."""

from pathlib import Path

from tests.daily.load import SESSIONS, run

ANSWERED_SECONDS = 29.0
"""API Gateway waits no longer for the function: 30 s, of which it keeps some for itself."""


async def test_200_starts_at_once_make_200_rooms_and_none_is_left(tmp_path: Path) -> None:
    outcome = await run(folder=tmp_path)
    assert outcome.answers == {"200": SESSIONS}, outcome
    assert outcome.slowest < ANSWERED_SECONDS, outcome
    assert outcome.rooms == SESSIONS, outcome
    assert outcome.deleted == {204: SESSIONS // 4}, outcome
    assert outcome.failed_events == [], outcome
    assert outcome.live_room_kept, outcome
    assert outcome.left == 0, outcome
