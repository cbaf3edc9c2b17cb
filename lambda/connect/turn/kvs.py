"""ICE servers from a pool of KVS signaling channels, shared by processes that know nothing of one another."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connect.turn.ice import IceAnswer, turn_unavailable
from connect.turn.kvs_channel import ChannelError, ice_server_config, signaling_endpoint
from connect.turn_settings import KvsTurn
from shared.credentials import Credentials

CHANNEL_TURNS_PER_SECOND = 4.875
"""How often a channel has its turn. It takes 5 requests a second
(https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html). At this pace a turn
and the fifth after it begin 1.026 s apart, so that in a pool of eight channels or more one request a turn keeps to that
limit, wherever within its turn each is made."""

MIN_SECONDS_LEFT = 200
"""Of a credential's life (300 s in all), for a caller who gets it second-hand."""

REFRESHES_PER_SECOND = 0.5
"""For each channel of the pool: so often at most does a process ask for a further answer while it has one to give. In
a burst the pool's requests are for those processes that have none; ten processes leave them half, in any pool."""

BUDGET_SECONDS = 6
"""For all attempts of a call: its caller waits meanwhile."""

ATTEMPT_SECONDS = 2
"""For connecting, and again for the answer; an attempt with less than this ahead is not begun."""


@dataclass(frozen=True, kw_only=True)
class _Remembered:
    answer: IceAnswer
    asked_at: float


class ChannelPool:
    """What one process remembers of the pool: endpoints as long as they work, answers for a bounded time."""

    def __init__(self, *, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        # Not the monotonic clock: it may stand still while the function is frozen, and is nobody else's.
        self._clock = clock
        self._sleep = sleep
        self._endpoints: dict[str, str] = {}
        self._remembered: dict[str, _Remembered] = {}
        self._asked_at = 0.0

    def ice_servers(self, *, turn: KvsTurn, credentials: Credentials) -> IceAnswer:
        """One channel's answer, fresh or remembered for at most `reuse_seconds`.

        The channel is the one whose turn it is by the clock, which all processes share: their requests go round the
        pool as if one process made them all. (Where clocks differ, processes go round it apart, and at any moment their
        channels are as good as drawn by lot.) A channel that throttles or fails is tried once, then another, unless a
        remembered answer can serve.

        Raises `ApiError` (503) where no channel gave an answer in time.
        """
        now = self._clock()
        self._forget_answers(reuse_seconds=turn.reuse_seconds, now=now)
        arn = turn.channel_arns[_turn_number(turn=turn, now=now) % len(turn.channel_arns)]
        if arn in self._remembered:
            return self._remembered[arn].answer
        seconds_between_refreshes = 1 / (REFRESHES_PER_SECOND * len(turn.channel_arns))
        if self._remembered and 0 <= now - self._asked_at < seconds_between_refreshes:
            return self._any_remembered()
        failures: Counter[str] = Counter()
        deadline = now + BUDGET_SECONDS
        for arn in self._channels(turn=turn, deadline=deadline):
            try:
                return self._fetch(turn=turn, arn=arn, credentials=credentials, deadline=deadline)
            except ChannelError as error:
                failures[str(error)] += 1
            if self._remembered:
                return self._any_remembered()
        causes = ", ".join(f"{count} x {cause}" for cause, count in failures.most_common())
        raise turn_unavailable(note=f"KVS, {failures.total()} of {len(turn.channel_arns)} channels tried: {causes}")

    def _forget_answers(self, *, reuse_seconds: int, now: float) -> None:
        self._remembered = {
            arn: remembered
            for arn, remembered in self._remembered.items()
            if 0 <= now - remembered.asked_at < reuse_seconds
            and (remembered.answer.expires_at or 0) - now >= MIN_SECONDS_LEFT
        }

    def _any_remembered(self) -> IceAnswer:
        return secrets.choice(list(self._remembered.values())).answer

    def _channels(self, *, turn: KvsTurn, deadline: float) -> Iterator[str]:
        """The channel whose turn it is; then, at the beginning of one of the next turns, another's.

        After n failures that is one of the next n^2 turns, drawn by lot: calls that were refused together don't meet
        again, and whoever they displace has tries of their own.
        """
        pool_size = len(turn.channel_arns)
        number = _turn_number(turn=turn, now=self._clock())
        tried: set[int] = set()
        while True:
            tried.add(number % pool_size)
            yield turn.channel_arns[number % pool_size]
            if len(tried) == pool_size:
                return
            number = _turn_number(turn=turn, now=self._clock()) + 1 + secrets.randbelow(len(tried) ** 2)
            while number % pool_size in tried:
                number += 1
            begins_at = number / (CHANNEL_TURNS_PER_SECOND * pool_size)
            if begins_at > deadline - ATTEMPT_SECONDS:
                return
            self._sleep(max(0.0, begins_at - self._clock()))

    def _fetch(self, *, turn: KvsTurn, arn: str, credentials: Credentials, deadline: float) -> IceAnswer:
        """Ask a channel, and its endpoint before where that isn't known yet."""
        self._asked_at = asked_at = self._clock()
        if arn not in self._endpoints:
            self._endpoints[arn] = signaling_endpoint(
                turn=turn, arn=arn, credentials=credentials, timeout_seconds=ATTEMPT_SECONDS
            )
        seconds_left = deadline - self._clock()
        if seconds_left <= 0:
            raise ChannelError("its endpoint came too late")
        try:
            answer = ice_server_config(
                endpoint=self._endpoints[arn],
                turn=turn,
                arn=arn,
                credentials=credentials,
                timeout_seconds=min(ATTEMPT_SECONDS, seconds_left),
            )
        except ChannelError as error:
            if error.is_endpoint_stale:
                del self._endpoints[arn]
            raise
        self._remembered[arn] = _Remembered(answer=answer, asked_at=asked_at)
        return answer


def _turn_number(*, turn: KvsTurn, now: float) -> int:
    """Turns are counted from the epoch; the pool's channels have them in their order."""
    return int(now * CHANNEL_TURNS_PER_SECOND * len(turn.channel_arns))


_pool = ChannelPool()


def kvs_ice_servers(*, turn: KvsTurn, credentials: Credentials) -> IceAnswer:
    """The ICE servers of a call from this process's pool; raises `ApiError` (503)."""
    return _pool.ice_servers(turn=turn, credentials=credentials)
