import random

import pytest

from snapshot import renew_randomness

# What replaces it, os.urandom, is not what the DTLS keys are made with.
pytestmark = pytest.mark.filterwarnings("ignore:OpenSSL.rand")


def test_two_sessions_of_one_snapshot_go_on_from_different_states() -> None:
    snapshot = random.getstate()
    states = set()
    for _ in range(2):
        random.setstate(snapshot)
        renew_randomness()
        states.add(random.getstate())

    assert len(states - {snapshot}) == 2


def test_both_openssl_generators_get_new_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[bytes] = []
    monkeypatch.setattr("ssl.RAND_add", lambda seed, _entropy: seeds.append(seed))
    monkeypatch.setattr("OpenSSL.rand.add", lambda seed, _entropy: seeds.append(seed))

    renew_randomness()

    assert len({*seeds}) == 2
    assert all(len(seed) == 32 for seed in seeds)
