"""The pool of signaling channels: as large as both limits of a channel ask, and no larger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.channel_pool import (
    ALLOCATIONS_PER_CHANNEL,
    LIMITS,
    REQUESTS_PER_SECOND_PER_CHANNEL,
    SESSIONS_PER_CHANNEL,
    channels_needed,
)
from stacks.configuration.context import field_schemas
from stacks.parameters import Parameters, TurnParameters

FULL = SESSIONS_PER_CHANNEL


@pytest.mark.parametrize(
    ("new_sessions_per_second", "concurrent_relayed_sessions", "channels"),
    [
        (1, 1, 1),
        (5, FULL, 1),
        (6, FULL, 2),
        (5, FULL + 1, 2),
        (10, FULL, 2),
        (11, 2 * FULL, 3),
        (1, 10 * FULL, 10),
        (100, FULL, 20),
        (100, 20 * FULL + 1, 21),
        (750, 1, 150),
        (1, 150 * FULL, 150),
    ],
)
def test_the_larger_of_two_needs_decides(
    new_sessions_per_second: int, concurrent_relayed_sessions: int, channels: int
) -> None:
    needed = channels_needed(
        new_sessions_per_second=new_sessions_per_second, concurrent_relayed_sessions=concurrent_relayed_sessions
    )
    assert needed == channels


@given(new=st.integers(1, 1_000), concurrent=st.integers(1, 5_000))
def test_the_pool_carries_both_peaks_and_one_channel_less_does_not(new: int, concurrent: int) -> None:
    needed = channels_needed(new_sessions_per_second=new, concurrent_relayed_sessions=concurrent)

    def carries(channels: int) -> bool:
        return channels * REQUESTS_PER_SECOND_PER_CHANNEL >= new and channels * SESSIONS_PER_CHANNEL >= concurrent

    assert carries(needed)
    assert not carries(needed - 1)


def test_a_sessions_two_sides_fit_into_the_allocations_of_its_channel() -> None:
    browser, agent = 6, 1
    assert SESSIONS_PER_CHANNEL * (browser + agent) <= ALLOCATIONS_PER_CHANNEL


def test_the_parameters_say_what_a_channel_carries_and_default_to_one() -> None:
    schemas = field_schemas(Parameters)
    assert f"serves {REQUESTS_PER_SECOND_PER_CHANNEL}." in schemas["turn.peak_new_sessions_per_second"]["description"]
    assert f"relays {SESSIONS_PER_CHANNEL}." in schemas["turn.peak_concurrent_relayed_sessions"]["description"]
    assert f"{ALLOCATIONS_PER_CHANNEL} TURN allocations, which is {SESSIONS_PER_CHANNEL} relayed" in LIMITS
    assert TurnParameters().channel_count == 1
    assert TurnParameters(peak_new_sessions_per_second=6).channel_count == 2
    assert TurnParameters(peak_concurrent_relayed_sessions=3 * FULL).channel_count == 3
