"""A call that outlives the model's streams in real time: `make soak`, more than 11 minutes."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from tests.agent_image.caller import SocketCaller
from tests.agent_image.four_turns import ask, silent
from tests.models.nova_sonic import SESSION_SECONDS
from tests.models.nova_sonic_agent import Place, run_place

_SENTENCES = {
    "music": "Please repeat, I like music very much.",
    "garden": "Please repeat, I have a small garden.",
    "coffee": "Please repeat, the coffee is cold.",
    "london": "Please repeat, my sister lives in London.",
    "house": "Please repeat, we live in a big house.",
}
_PAUSE_SECONDS = 5.0
# A stream lasts 445 s at most, and its key must outlive it: botocore asks for another one when 10 minutes are left.
_KEY_SECONDS = 600.0

pytestmark = pytest.mark.timeout(0)


@dataclass(kw_only=True)
class Outcome:
    """How many sentences were said, which were not answered, and after how many seconds each answer was heard."""

    said: int = 0
    lost: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


async def test_a_call_outlives_the_models_streams(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes: float = pytestconfig.getoption("--minutes")
    async with run_place(tmp_path, key_seconds=_KEY_SECONDS) as place:
        async with SocketCaller.connect(place.agent.url) as caller:
            await silent(caller, since=caller.connected_at)
            outcome = await converse(caller, until=caller.connected_at + minutes * 60)
        await place.agent.idle()

    model = place.model
    tell(outcome, place, minutes=minutes, capsys=capsys)
    assert outcome.lost == []
    assert len(model.heard) == outcome.said, "a sentence was heard twice, or not at all"
    assert model.violations == []
    assert model.timed_out == 0
    assert len(model.histories) >= 1 + int(minutes * 60 // SESSION_SECONDS)
    assert len(set(model.keys)) == len(model.histories)
    assert model.most_streams <= 2
    assert "ended early" not in place.agent.log.read_text()


async def converse(caller: SocketCaller, *, until: float) -> Outcome:
    """Say a sentence, hear its answer, pause, and so on."""
    outcome = Outcome()
    while time.monotonic() < until:
        for word, sentence in _SENTENCES.items():
            outcome.said += 1
            talking = asyncio.create_task(ask(caller, sentence, until_said=word, within=30))
            stopped = await caller.message("user-stopped-speaking", after=time.monotonic(), within=30)
            try:
                outcome.latencies.append(await caller.bot_audio(after=stopped.time, within=30) - stopped.time)
                await talking
            except TimeoutError:
                outcome.lost.append(sentence)
            await asyncio.sleep(_PAUSE_SECONDS)
    return outcome


def tell(outcome: Outcome, place: Place, *, minutes: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the line that the documents quote."""
    model = place.model
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{minutes:g} minutes with streams of {model.session_seconds:g} s: "
            f"{outcome.said - len(outcome.lost)} of {outcome.said} sentences answered, "
            f"{len(model.histories)} streams, at most {model.most_streams} at a time, "
            f"{model.events_verified} signed events verified, {len(place.credentials.issued)} keys handed out; "
            f"after the voice stopped the bot was heard within {median(outcome.latencies):.2f} s (median), "
            f"{max(outcome.latencies):.2f} s at most"
        )
