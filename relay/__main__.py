"""Starts the relay; the exit code is 0 after SIGTERM, and 2 where the environment is wrong."""

import asyncio
import os
import resource
import sys

from relay.log import configure_logs
from relay.server import Relay
from relay.settings import Settings, SettingsError, load_settings

_SPARE_DESCRIPTORS = 256
_SWITCH_SECONDS = 0.000_5
"""A thread that signs a request would else keep the streams waiting for 5 ms at each of their system calls."""


def main() -> int:
    """Serve until SIGTERM."""
    try:
        settings = load_settings(environ=os.environ)
        _allow_descriptors(settings=settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logs()
    sys.setswitchinterval(_SWITCH_SECONDS)
    asyncio.run(_run(settings))
    return 0


async def _run(settings: Settings) -> None:
    await Relay(settings=settings).run()


def _allow_descriptors(*, settings: Settings) -> None:
    needed = 2 * settings.max_streams + _SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingsError(
            f"{settings.max_streams} streams need {needed} open files, and this process may have {hard}: set a lower "
            "SWITCHBOARD_MAX_STREAMS, or the container's ulimit nofile"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


if __name__ == "__main__":
    sys.exit(main())
