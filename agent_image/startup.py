"""How long this process took to start."""

import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(kw_only=True)
class StartupTimes:
    """Seconds from the start of the process until it could answer /ping, and until it could serve a call."""

    ping_seconds: float = 0.0
    startup_seconds: float = 0.0


times = StartupTimes()


def seconds_since_process_start() -> float:
    """The age of this process, the interpreter's own start included (field 22 of /proc/self/stat, see proc(5))."""
    after_name = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - started, 3)
