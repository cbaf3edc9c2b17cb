"""What the caller hears while a tool takes its time."""

import asyncio

import pytest
from pipecat.frames.frames import FunctionCallInProgressFrame, InterruptionFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.services.llm_service import FunctionCallParams

import slow_tools
from recordings import recorded_speech
from slow_tools import LOOKING
from tests.agent_image.tool_call import ORDER, tool_call

SILENCE_SECONDS = 0.2


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_tools, "SILENCE_SECONDS", SILENCE_SECONDS)


class SlowShop:
    """A tool that answers when the test lets it."""

    def __init__(self, *, open_at_once: bool = False) -> None:
        self.open = asyncio.Event()
        self.cancelled = False
        if open_at_once:
            self.open.set()

    async def find_order(self, params: FunctionCallParams, order_number: str) -> None:
        """Find an order.

        Args:
            order_number: Its number.
        """
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await params.result_callback({"order_number": order_number, "item": "a hat", "status": "lost"})


async def some_silences() -> None:
    """Long enough for an announcement that must not come."""
    await asyncio.sleep(4 * SILENCE_SECONDS)


async def test_text_to_speech_says_once_that_the_bot_is_looking() -> None:
    shop = SlowShop()
    async with tool_call(shop.find_order) as call:
        await call.say(ORDER)
        (looking,) = await call.ears.hears(TTSSpeakFrame)
        for speaks in (True, False):
            await call.ears.bot_speaks(speaks)
        await some_silences()
        shop.open.set()
        answer = await call.answer()

        assert (looking.text, looking.append_to_context) == (LOOKING, False)
        assert len(call.ears.all(TTSSpeakFrame)) == 1
    assert answer == "Order 2, a hat, is lost."


async def test_a_recording_says_it_where_the_model_itself_speaks() -> None:
    shop = SlowShop()
    async with tool_call(shop.find_order, model_speaks=True) as call:
        await call.say(ORDER)
        (heard,) = await call.ears.hears(TTSAudioRawFrame)
        shop.open.set()
        await call.answer()

        _, recorded, _ = recorded_speech("looking", sample_rate=heard.sample_rate)
        assert isinstance(recorded, TTSAudioRawFrame)
        assert heard.audio == recorded.audio
        assert call.ears.all(TTSSpeakFrame) == []


async def test_a_quick_tool_is_not_announced() -> None:
    async with tool_call(SlowShop(open_at_once=True).find_order) as call:
        await call.say(ORDER)
        await call.answer()
        await some_silences()

        assert call.ears.all(TTSSpeakFrame) == []


async def test_who_speaks_is_not_interrupted_by_an_announcement() -> None:
    shop = SlowShop()
    async with tool_call(shop.find_order) as call:
        await call.ears.bot_speaks(True)
        await call.say(ORDER)
        await call.ears.hears(FunctionCallInProgressFrame)
        await some_silences()
        announced = call.ears.all(TTSSpeakFrame)
        await call.ears.bot_speaks(False)
        await call.ears.hears(TTSSpeakFrame)
        shop.open.set()

    assert announced == []


async def test_an_interruption_ends_the_tool_and_its_announcement() -> None:
    shop = SlowShop()
    async with tool_call(shop.find_order) as call:
        await call.say(ORDER)
        await call.ears.hears(FunctionCallInProgressFrame)
        await call.worker.queue_frame(InterruptionFrame())
        await call.ears.hears(InterruptionFrame)
        await some_silences()

        assert shop.cancelled
        assert call.ears.all(TTSSpeakFrame) == []
        assert call.tool_results() == ["CANCELLED"]
        await call.say("Say hello.")
        assert await call.answer() == "Hello."
