"""How evenly processes that share nothing but the clock spread their calls over the pool."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from connect.turn import kvs
from connect.turn.ice import IceAnswer, IceServer
from connect.turn.kvs_channel import ChannelError
from connect.turn_settings import KvsTurn
from local.rate_limit import RateLimit
from shared.credentials import Credentials
from shared.errors import ApiError

CREDENTIALS = Credentials(access_key="AKIDEXAMPLE", secret_key="example")
NOON = 1_800_000_000.0


class Fleet:
    """Processes with clocks of their own, before channels that hold KVS's limit; time passes as the test says."""

    def __init__(self, *, monkeypatch: pytest.MonkeyPatch, channels: int, reuse_seconds: int = 0) -> None:
        self.now = NOON
        self.turn = KvsTurn(
            channel_arns=tuple(str(number) for number in range(channels)),
            region="eu-west-1",
            endpoint_url="",
            reuse_seconds=reuse_seconds,
        )
        self.asked: Counter[str] = Counter()
        self.throttled = 0
        self.served: Counter[str] = Counter()
        self.failed = 0
        self._limits: dict[str, RateLimit] = defaultdict(lambda: RateLimit(per_second=5, clock=lambda: self.now))
        monkeypatch.setattr(kvs, "signaling_endpoint", lambda **_: "")
        monkeypatch.setattr(kvs, "ice_server_config", self._ask)

    def process(self, *, clock_is_off_by: float = 0) -> kvs.ChannelPool:
        return kvs.ChannelPool(clock=lambda: self.now + clock_is_off_by, sleep=self._sleep)

    def call(self, process: kvs.ChannelPool) -> None:
        try:
            answer = process.ice_servers(turn=self.turn, credentials=CREDENTIALS)
        except ApiError:
            self.failed += 1
        else:
            self.served[answer.servers[0].username] += 1

    def _ask(self, *, arn: str, **_: object) -> IceAnswer:
        self.asked[arn] += 1
        if not self._limits[arn].admit():
            self.throttled += 1
            raise ChannelError("ClientLimitExceededException")
        server = IceServer(urls=("turn:turn.example.com",), username=arn, credential="example")
        return IceAnswer(servers=(server,), expires_at=self.now + 300)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def put_load(*, fleet: Fleet, processes: list[kvs.ChannelPool], calls: int, gap: Callable[[], float]) -> None:
    lot = random.Random(1)  # noqa: S311  # the same lot in each run
    due = fleet.now
    for _ in range(calls):
        due += gap()
        fleet.now = max(fleet.now, due)
        fleet.call(lot.choice(processes))


def chi_square(counts: Counter[str], *, channels: int) -> float:
    expected = counts.total() / channels
    return sum((counts[str(number)] - expected) ** 2 / expected for number in range(channels))


@pytest.mark.parametrize("processes", [1, 8, 60])
@pytest.mark.parametrize("channels", [8, 10, 40])
def test_at_an_even_pace_no_channel_is_asked_too_often_up_to_95_percent_of_the_pools_limit(
    monkeypatch: pytest.MonkeyPatch, channels: int, processes: int
) -> None:
    fleet = Fleet(monkeypatch=monkeypatch, channels=channels)
    gap = 1 / (0.95 * 5 * channels)

    put_load(fleet=fleet, processes=[fleet.process() for _ in range(processes)], calls=2_000, gap=lambda: gap)

    assert (fleet.failed, fleet.throttled) == (0, 0)
    assert fleet.asked.total() == 2_000, "one request a call"
    assert max(fleet.served.values()) - min(fleet.served.values()) <= 0.05 * 2_000 / channels + 2


@pytest.mark.parametrize("is_synchronous", [True, False])
def test_at_random_moments_channels_are_asked_alike(monkeypatch: pytest.MonkeyPatch, is_synchronous: bool) -> None:
    """Pearson's statistic of ten channels is below 27.9 in 999 of 1,000 draws by lot (9 degrees of freedom)."""
    lot = random.Random(2)  # noqa: S311  # the same lot in each run
    fleet = Fleet(monkeypatch=monkeypatch, channels=10)
    off_by = [0.0 if is_synchronous else lot.uniform(-30, 30) for _ in range(50)]
    processes = [fleet.process(clock_is_off_by=seconds) for seconds in off_by]

    put_load(fleet=fleet, processes=processes, calls=10_000, gap=lambda: lot.expovariate(15))

    assert fleet.failed == 0
    assert chi_square(fleet.served, channels=10) < 27.9


def test_processes_that_begin_at_once_all_get_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty calls in the same instant are what ten channels can take in a second."""
    fleet = Fleet(monkeypatch=monkeypatch, channels=10, reuse_seconds=20)
    for process in [fleet.process() for _ in range(40)]:
        fleet.now = NOON
        fleet.call(process)

    assert fleet.failed == 0


def test_a_burst_far_above_the_limit_is_served_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch=monkeypatch, channels=2, reuse_seconds=20)

    put_load(fleet=fleet, processes=[fleet.process() for _ in range(8)], calls=12_000, gap=lambda: 1 / 200)

    assert fleet.failed == 0
    assert fleet.asked.total() < 0.01 * 12_000
    assert max(fleet.served.values()) < 1.2 * min(fleet.served.values())


def test_remembered_answers_spread_calls_over_the_whole_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch=monkeypatch, channels=10, reuse_seconds=20)

    put_load(fleet=fleet, processes=[fleet.process() for _ in range(8)], calls=5_000, gap=lambda: 1 / 47.5)

    assert (fleet.failed, fleet.throttled) == (0, 0)
    assert fleet.asked.total() < 0.1 * 5_000
    assert max(fleet.served.values()) < 1.25 * min(fleet.served.values())
