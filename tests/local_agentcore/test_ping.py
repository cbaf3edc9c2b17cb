"""What counts as an answer to `/ping`, and as activity."""

import pytest

from local.agentcore.ping import Ping

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    "body",
    [b"", b"Healthy", b"[]", b'"Healthy"', b"{}", b'{"status": "healthy"}', b'{"status": "HEALTHY_BUSY"}', b"\xff"],
)
def test_anything_but_the_contract_s_words_is_no_answer(body: bytes) -> None:
    assert Ping.parse(body, now=NOW) is None


@pytest.mark.parametrize(
    ("time_of_last_update", "busy", "healthy"),
    [
        ("1799999000", NOW, 1_799_999_000),
        ("1799999000.5", NOW, 1_799_999_000.5),
        ("1800000000.9", NOW, NOW + 0.9),
        ("1800000000000", 0, 0),
        ("1800000060", 0, 0),
        ('"2027-01-15T08:00:00Z"', 0, 0),
        ("null", 0, 0),
        ("0", 0, 0),
        ("NaN", 0, 0),
    ],
)
def test_the_time_of_last_update_counts_in_unix_seconds_only(
    time_of_last_update: str, busy: float, healthy: float
) -> None:
    for status, expected in (("HealthyBusy", busy), ("Healthy", healthy)):
        body = f'{{"status": "{status}", "time_of_last_update": {time_of_last_update}}}'
        ping = Ping.parse(body.encode(), now=NOW)
        assert ping is not None
        assert ping.last_activity(now=NOW) == expected
