"""How often ICE servers and endpoints may be asked for: windows of one second that slide."""

import pytest

from .signaling import RefusedError, Signaling


@pytest.fixture
def signaling() -> Signaling:
    return Signaling()


def admitted(signaling: Signaling, arn: str, times: int) -> int:
    """Ask for ICE servers so many times at this moment; return how many were answered, the others being throttled."""
    answered = 0
    for _ in range(times):
        try:
            signaling.ice_servers(arn)
            answered += 1
        except RefusedError as error:
            if (error.status, error.code) != (400, "ClientLimitExceededException"):
                raise
    return answered


def test_a_channel_answers_five_times_within_any_one_second(signaling: Signaling) -> None:
    arn = signaling.create("turn-0")
    start = signaling.clock.now

    assert admitted(signaling, arn, 3) == 3
    signaling.clock.now = start + 0.75
    assert admitted(signaling, arn, 3) == 2
    signaling.clock.now = start + 0.99
    assert admitted(signaling, arn, 1) == 0
    signaling.clock.now = start + 1
    assert admitted(signaling, arn, 5) == 3
    signaling.clock.now = start + 1.75
    assert admitted(signaling, arn, 5) == 2


def test_throttled_attempts_count_against_nothing(signaling: Signaling) -> None:
    busy, others = signaling.create("turn-0"), [signaling.create(f"turn-{number}") for number in range(1, 20)]
    start = signaling.clock.now
    assert admitted(signaling, busy, 500) == 5
    assert [admitted(signaling, arn, 5) for arn in others] == [5] * 19
    signaling.clock.now = start + 0.5
    assert admitted(signaling, busy, 100) == 0
    signaling.clock.now = start + 1
    assert admitted(signaling, busy, 100) == 5


def test_an_account_answers_a_hundred_times_within_any_one_second(signaling: Signaling) -> None:
    arns = [signaling.create(f"turn-{number}") for number in range(30)]

    assert sum(admitted(signaling, arn, 5) for arn in arns) == 100
    # A channel of its own makes no difference, and what the account refused has not filled the channel's window.
    assert admitted(signaling, arns[-1], 1) == 0
    signaling.clock.now += 1
    assert admitted(signaling, arns[-1], 5) == 5


def test_an_account_is_told_endpoints_three_hundred_times_within_any_one_second(signaling: Signaling) -> None:
    arn = signaling.create("turn-0")
    for _ in range(300):
        signaling.endpoint(arn)
    with pytest.raises(RefusedError, match="ClientLimitExceededException"):
        signaling.endpoint(arn)
    assert admitted(signaling, arn, 1) == 1
    signaling.clock.now += 1
    assert signaling.endpoint(arn)


def test_requests_and_throttles_are_counted_by_channel(signaling: Signaling) -> None:
    first, second = signaling.create("turn-0"), signaling.create("turn-1")
    admitted(signaling, first, 7)
    admitted(signaling, second, 2)

    meter = signaling.service.ice_server_configs
    assert (meter.requests, meter.throttles) == ({"turn-0": 7, "turn-1": 2}, {"turn-0": 2})
    assert signaling.service.endpoints.requests.total() == 0
