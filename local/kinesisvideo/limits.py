"""How often ICE servers and endpoints may be asked for, and how often they were."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from local.aws_http.errors import ServiceError
from local.kinesisvideo.errors import KinesisVideoCode
from local.rate_limit import RateLimit


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Requests within any one second; a channel's is None where only the account's is published.

    The service publishes "TPS" and not how it is measured. A window that slides is the strictest reading of it. An
    attempt that is refused counts against nothing: it neither fills the channel's window nor the account's.
    Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
    """

    per_account: int
    per_channel: int | None = None


GET_ICE_SERVER_CONFIG = Limits(per_account=100, per_channel=5)
GET_SIGNALING_CHANNEL_ENDPOINT = Limits(per_account=300)


class Meter:
    """Admits one operation's requests within its limits. `requests` and `throttles` count by the channel's name."""

    def __init__(self, *, limits: Limits, clock: Callable[[], float]) -> None:
        self.requests: Counter[str] = Counter()
        self.throttles: Counter[str] = Counter()
        self._limits = limits
        self._clock = clock
        self._account = RateLimit(per_second=limits.per_account, clock=clock)
        self._channels: dict[str, RateLimit] = {}

    def admit(self, channel: str) -> None:
        """Count a request for a channel; ClientLimitExceededException when it is one too many."""
        self.requests[channel] += 1
        windows = self._windows(channel)
        for owner, window in windows.items():
            if window.is_reached:
                self.throttles[channel] += 1
                raise ServiceError(
                    KinesisVideoCode.CLIENT_LIMIT_EXCEEDED,
                    f"more requests than {owner} may have within one second: try again later",
                )
        for window in windows.values():
            window.count()

    def _windows(self, channel: str) -> dict[str, RateLimit]:
        windows = {"an account": self._account}
        if self._limits.per_channel is not None:
            if channel not in self._channels:
                self._channels[channel] = RateLimit(per_second=self._limits.per_channel, clock=self._clock)
            windows[f"the channel {channel}"] = self._channels[channel]
        return windows
