from dataclasses import dataclass

import pytest

from status import Status


@dataclass
class Clocks:
    wall: float = 1_000.0
    monotonic: float = 50.0

    def status(self) -> Status:
        return Status(now=lambda: self.wall, monotonic=lambda: self.monotonic)

    def pass_seconds(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def test_an_idle_agents_time_stands_still_so_that_its_session_can_end() -> None:
    clocks = Clocks()
    status = clocks.status()
    clocks.pass_seconds(500)

    assert status.ping() == {"status": "Healthy", "time_of_last_update": 1_000}


def test_a_busy_agents_time_is_now_so_that_its_session_is_kept() -> None:
    clocks = Clocks()
    status = clocks.status()

    with status.call():
        clocks.pass_seconds(7.9)
        assert status.ping() == {"status": "HealthyBusy", "time_of_last_update": 1_007}
        clocks.pass_seconds(60)
        assert status.ping() == {"status": "HealthyBusy", "time_of_last_update": 1_067}


def test_the_end_of_the_last_call_is_the_time_that_stands_still() -> None:
    clocks = Clocks()
    status = clocks.status()
    with status.call():
        with pytest.raises(ConnectionError), status.call():
            raise ConnectionError
        assert status.ping()["status"] == "HealthyBusy"
        clocks.pass_seconds(30)
    clocks.pass_seconds(100)

    assert status.ping() == {"status": "Healthy", "time_of_last_update": 1_030}


def test_after_a_restore_the_snapshots_age_is_not_taken_for_idle_time() -> None:
    clocks = Clocks()
    status = clocks.status()
    clocks.pass_seconds(20)
    a_week = 7 * 86_400
    clocks.wall += a_week

    assert status.ping() == {"status": "Healthy", "time_of_last_update": 1_000 + a_week}
    clocks.pass_seconds(100)
    assert status.ping() == {"status": "Healthy", "time_of_last_update": 1_000 + a_week}


def test_a_clock_that_is_only_adjusted_does_not_make_the_time_flicker() -> None:
    clocks = Clocks()
    status = clocks.status()
    answers = []
    for adjustment in (0.3, -0.4, 0.2, -0.3):
        clocks.wall += adjustment
        answers.append(status.ping()["time_of_last_update"])

    assert answers == [1_000] * 4
