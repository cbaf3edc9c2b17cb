"""Calls with Nova Sonic's stand-in: the real agent process, unpatched, with credentials from an endpoint alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from offline_speech import transcribe
from tests.agent_image.caller import SAMPLE_RATE, SocketCaller
from tests.agent_image.four_turns import ask, hold_four_turns, silent
from tests.agent_image.peer_caller import PeerCaller
from tests.models.nova_sonic_agent import Place, run_place

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SHORT_SESSION_SECONDS = 15
_WORDS_OF_THE_BREAKS = ("London", "music", "before")
_WORDS_OF_THE_TURNS = ("music", "order", "count", "garden", "bye")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with run_place(tmp_path_factory.mktemp("place")) as place:
        yield place


async def test_calls_of_four_turns_over_a_websocket_and_over_webrtc(place: Place, tmp_path: Path) -> None:
    async with run_place(tmp_path, session_seconds=_SHORT_SESSION_SECONDS) as other:
        await asyncio.gather(call_by_websocket(place), call_by_webrtc(other))

    assert place.model.most_streams == 1
    assert other.model.most_streams == 2, "while it changes streams, a call has two"
    assert len(other.model.histories) >= 3, "the call was too short to outlive a stream"
    assert other.model.timed_out == 0
    assert "ended early" not in other.agent.log.read_text()
    told = [text.text for text in other.model.histories[-1]]
    assert sum("music" in text for text in told) >= 2, "the last stream knows the first turn and its answer"
    for model in (place.model, other.model):
        assert model.violations == []
        assert model.interruptions >= 1
        in_order = iter(model.heard)  # a sentence that was misheard was said again
        assert all(any(word in heard.text for heard in in_order) for word in _WORDS_OF_THE_TURNS)
        assert len(set(model.keys)) == len(model.histories), "each stream begins with fresh keys"
        assert model.events_verified > 1_000


async def call_by_websocket(place: Place) -> None:
    async with SocketCaller.connect(place.agent.url) as caller:
        await hold_four_turns(caller)
    await place.agent.idle()


async def call_by_webrtc(place: Place) -> None:
    async with PeerCaller.connect(place.agent, ice_servers=[]) as caller:
        await hold_four_turns(caller)
    await place.agent.idle()


async def test_streams_that_end_or_break_lose_no_turn_until_none_can_be_had(place: Place) -> None:
    model = place.model
    model.heard.clear()
    streams = len(model.histories)
    async with SocketCaller.connect(place.agent.url) as caller:
        await silent(caller, since=caller.connected_at)

        began = time.monotonic()  # while the caller speaks, the network breaks
        talk = asyncio.create_task(ask(caller, "Please repeat, my sister lives in London.", until_said="you said"))
        await caller.message("user-started-speaking", after=began)
        model.break_streams()
        await talk

        model.break_next_answer = True  # it breaks while the bot speaks
        assert "very much" in await ask(caller, "Please repeat, I like music very much.", until_said="very much")

        model.end_streams()  # the model ends the stream, without notice
        assert "music" in await ask(caller, "What did I say before?", until_said="before, you said")
        assert len(model.histories) - streams >= 4
        assert "Please repeat" in model.heard[0].text, "what was said before the break is heard, too"
        in_order = iter(model.heard)  # on a slow machine the stand-in may hear a sentence in two parts
        assert all(any(word in heard.text for heard in in_order) for word in _WORDS_OF_THE_BREAKS)

        model.refusal = (403, "AccessDeniedException")
        began = time.monotonic()
        model.end_streams()
        await check_apology(caller, began=began, reason="a service refused the agent; the agent's log says which")
    model.refusal = None
    await place.agent.idle()

    assert model.violations == []
    assert model.refused == 1, "who is denied access doesn't ask again"


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ((429, "ThrottlingException"), "a service of the agent is at its limit; try again later"),
        ((403, "ExpiredTokenException"), "the agent's credentials have expired; start a new session"),
    ],
)
async def test_a_model_that_refuses_ends_the_call_with_a_spoken_sentence(
    place: Place, refusal: tuple[int, str], reason: str
) -> None:
    place.model.refusal = refusal
    refused = place.model.refused
    async with SocketCaller.connect(place.agent.url) as caller:
        await check_apology(caller, began=caller.connected_at, reason=reason)
    place.model.refusal = None
    await place.agent.idle()

    assert place.model.refused - refused == 4


async def check_apology(caller: SocketCaller, *, began: float, reason: str) -> None:
    """The caller hears the recorded sentence, and the call ends."""
    code, said = await caller.closed(within=30)
    heard = b"".join(pcm for moment, pcm in caller.audio if moment > began)
    assert time.monotonic() - began < 20
    assert (code, said) == (1011, reason)
    assert "Please call again later" in await asyncio.to_thread(transcribe, heard, sample_rate=SAMPLE_RATE)
