"""`make call TRANSPORT=daily`: a spoken call in a room of Daily's stand-in, to the bot on the embedded cloud.

    python -m local exec -- python -m tests.daily.call

Opens an account at the stand-in, fills in the deployment's secret, and runs the operator's command with the stand-in of
Daily's library in the place of the real one. Elsewhere the same command calls through Daily itself.
What it doesn't prove: Daily, its network, its codecs, and its prices.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
from rich.console import Console

from tests.daily.deployment import DailyAccount

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "local" / "daily" / "sdk"
DELETED_SECONDS = 30.0
"""By then the agent has told that its call is over, and the room is deleted; the sweep would come a minute later."""


def main() -> int:
    """Place the call; 0 when it went well and no room is left of it."""
    base_url = f"{os.environ['AWS_ENDPOINT_URL']}/daily"
    console = Console(stderr=True, highlight=False)
    daily = DailyAccount.open(client=boto3.client, base_url=base_url, stack_name="switchboard-local-connect")
    console.print("the deployment's secret holds the key of an account at Daily's stand-in", style="dim")
    done = subprocess.run(
        [sys.executable, "-m", "switchboard", "call", "--env", "local", "--transport", "daily", *sys.argv[1:]],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(LIBRARY), "DAILY_STAND_IN_URL": base_url},
    )
    return done.returncode or _rooms_left(daily, console=console)


def _rooms_left(daily: DailyAccount, *, console: Console) -> int:
    deadline = time.monotonic() + DELETED_SECONDS
    while (left := len(daily.room_names())) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        console.print(f"{left} rooms are left at Daily {DELETED_SECONDS:.0f} s after the call", style="red")
        return 1
    console.print("no room is left at Daily", style="green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
