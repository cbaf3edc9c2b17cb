"""Imports Pipecat, the bot and its models: all that takes long, and that the server must not need to answer /ping."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from logs import configure_pipecat_logs, silence_daily
from settings import Settings
from startup import seconds_since_process_start, times
from telemetry import start_telemetry

if TYPE_CHECKING:
    from pipecat.runner.types import RunnerArguments

type Bot = Callable[[RunnerArguments], Awaitable[None]]


def load_bot(*, settings: Settings) -> Bot:
    """The bot, ready to take a call at once."""
    configure_pipecat_logs(level=settings.log_level, transcripts=settings.log_transcripts)
    start_telemetry(settings=settings)
    import peer_calls  # noqa: F401 - its imports, aiortc's above all, take as long as any
    from bot import bot
    from pipelines import warm_up

    if settings.rooms_function:
        silence_daily()
        import daily_room.transport  # noqa: F401 - daily-python, a large library
    warm_up(settings=settings)
    times.startup_seconds = seconds_since_process_start()
    return bot


class BotLoader:
    """Loads the bot once, in a thread, for everyone who waits for it."""

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._bot: Bot | None = None
        self._finished = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether a call would be answered at once."""
        return self._bot is not None

    async def load(self) -> None:
        """Load it; raises what the import of the bot raises."""
        gc.disable()  # what is loaded stays: to look for garbage in it takes 0.2 s now, and again in calls
        try:
            self._bot = await asyncio.to_thread(load_bot, settings=self._settings)
        finally:
            gc.freeze()
            gc.enable()
            self._finished.set()

    async def bot(self) -> Bot:
        """Wait for the bot. Raises `RuntimeError` when it can't be loaded."""
        await self._finished.wait()
        if self._bot is None:
            raise RuntimeError("the bot can't be loaded; an earlier line of the log says why")
        return self._bot
