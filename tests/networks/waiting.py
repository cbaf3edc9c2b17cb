"""Waits for a condition, never for a time."""

import time
from collections.abc import Callable

_LOOK_SECONDS = 0.02


def wait_until(condition: Callable[[], object], *, within: float) -> None:
    """Look until the condition holds. Raises `TimeoutError` after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {within} s")
        time.sleep(_LOOK_SECONDS)
