"""How many KVS signaling channels a deployment needs: a channel has two hard limits, and a pool multiplies them."""

from math import ceil
from typing import Final

# Hard limits of a channel: GetIceServerConfig requests a second, and TURN allocations at once.
# https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html (2026-10)
REQUESTS_PER_SECOND_PER_CHANNEL: Final = 5
ALLOCATIONS_PER_CHANNEL: Final = 50
# The agent holds one allocation, as it gathers through one URI. A browser makes one on each of the six URIs that it
# gets, and holds them for most of a minute: measured, docs/decisions/0014-channel-pool.md.
ALLOCATIONS_PER_SESSION: Final = 7
SESSIONS_PER_CHANNEL: Final = ALLOCATIONS_PER_CHANNEL // ALLOCATIONS_PER_SESSION
# A channel's creation time takes 14 bytes of the connect function's environment, which holds 4 KB in all.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (2026-10)
MAX_CHANNELS: Final = 150

LIMITS: Final = (
    f"a channel answers {REQUESTS_PER_SECOND_PER_CHANNEL} GetIceServerConfig requests a second and holds "
    f"{ALLOCATIONS_PER_CHANNEL} TURN allocations, which is {SESSIONS_PER_CHANNEL} relayed sessions"
)


def channels_needed(*, new_sessions_per_second: int, concurrent_relayed_sessions: int) -> int:
    """The smallest pool that keeps within both limits at the peak. A session costs one request in its life."""
    return max(
        ceil(new_sessions_per_second / REQUESTS_PER_SECOND_PER_CHANNEL),
        ceil(concurrent_relayed_sessions / SESSIONS_PER_CHANNEL),
    )
