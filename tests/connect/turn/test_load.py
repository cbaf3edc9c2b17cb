"""The load of `benchmarks/ice_servers.py`, shortened: the deployed handler in eight processes before KVS's limits."""

from benchmarks.ice_servers import PROCESSES, Load, run


def test_below_the_pools_limit_each_call_asks_once_and_none_fails() -> None:
    """With some room below 95 %, which the benchmark puts on: a busy machine makes an even pace uneven."""
    load = Load(channels=10, share=0.75, requests=250, reuse_seconds=0)

    outcome = run(load)

    assert outcome.failed == {}
    assert outcome.answered == load.requests, "what is throttled is counted apart"
    assert outcome.endpoints <= PROCESSES * load.channels
    assert min(outcome.by_channel.values()) > 0.5 * load.requests / load.channels


def test_at_20_times_the_limit_remembered_answers_serve() -> None:
    load = Load(channels=2, share=20, requests=800, reuse_seconds=20)

    outcome = run(load)

    assert outcome.failed == {}
    assert outcome.answered <= PROCESSES * load.channels, "each process asks each channel once in 20 s"
    assert outcome.endpoints <= PROCESSES * load.channels
    assert min(outcome.by_channel.values()) >= load.requests / 4
