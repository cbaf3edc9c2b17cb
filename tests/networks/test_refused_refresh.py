"""A call outlives its credentials at a TURN server that refuses to refresh them: `make soak`, in short."""

from tests.networks.place import Place
from tests.networks.refused_refresh import call_with_refused_refresh, check_restarted

# Both allocations are to be refreshed after 5/6 of their lifetime, when the credentials have expired.
_LIFETIME_SECONDS, _VALID_FOR_SECONDS, _MINUTES = 12, 8, 0.25


def test_refused_refresh_leads_to_an_ice_restart_on_the_same_pipeline(place: Place) -> None:
    ended = place.agent.calls_ended()
    outcome = call_with_refused_refresh(
        place,
        minutes=_MINUTES,
        valid_for=_VALID_FOR_SECONDS,
        options=(f"--max-allocate-lifetime={_LIFETIME_SECONDS}",),
    )
    check_restarted(outcome)
    place.agent.wait_until_idle()
    assert place.agent.calls_ended() == ended + 1, "the restart began another call"
