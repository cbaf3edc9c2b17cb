import random

from snapshot import renew_randomness


def test_two_sessions_of_one_snapshot_go_on_from_different_states() -> None:
    snapshot = random.getstate()
    states = set()
    for _ in range(2):
        random.setstate(snapshot)
        renew_randomness()
        states.add(random.getstate())

    assert len(states - {snapshot}) == 2
