"""A clock that only moves when someone sleeps by it, or when it is told to."""

import time


class FakeClock:
    """Stands in for the module `time`, from a real moment on."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.sleeps: list[float] = []
        self._began, self._wall = time.monotonic(), time.time()

    def monotonic(self) -> float:
        return self._began + self.passed

    def time(self) -> float:
        return self._wall + self.passed

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.passed += seconds
