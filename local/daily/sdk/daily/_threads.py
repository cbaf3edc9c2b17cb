"""The threads of the SDK: one event loop for all connections, and dispatchers that run a program's callbacks."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any

logger = logging.getLogger("daily")


@cache
def engine() -> asyncio.AbstractEventLoop:
    """Return the loop of the thread that carries all media, started when first asked for."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="daily engine", daemon=True).start()
    return loop


def run_on_engine(work: Coroutine[Any, Any, Any]) -> Future[Any]:
    """Let a coroutine run on the engine's loop."""
    return asyncio.run_coroutine_threadsafe(work, engine())


class Dispatcher:
    """Calls back one after another, in a thread of its own: a callback that blocks holds up those behind it."""

    def __init__(self, name: str) -> None:
        self._closed = False
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, callback: Callable[..., object] | None, *arguments: object) -> None:
        """Call back soon; nothing for no callback."""
        if callback is not None:
            self._calls.put(lambda: callback(*arguments))

    def close(self) -> None:
        """Call nothing more, and end the thread."""
        self._closed = True
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None and not self._closed:
            try:
                call()
            except Exception:
                logger.exception("a callback raised")


@cache
def completions() -> Dispatcher:
    """Return the dispatcher of completions that belong to no call client."""
    return Dispatcher("daily completions")
