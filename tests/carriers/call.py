"""`make call TRANSPORT=twilio`: a spoken call through a carrier's stand-in, to the bot on the embedded cloud.

    python -m local exec -- python -m tests.carriers.call twilio

What it doesn't prove: the carrier itself, its console, its network, and its prices.
"""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import boto3
from rich.console import Console
from rich.table import Table

from tests.carriers.deployment import CALLER, CARRIERS, DeployedTelephony
from tests.carriers.line import PhoneLine
from tests.carriers.phone_caller import PhoneCaller, SilentBotError

CALLED = "+12025550101"
DIALOGUE = {
    "Please repeat I like coffee and tea.": ("coffee", "tea"),
    "Please count from one to four.": ("two three four",),
    "I like music very much.": ("music",),
    "Thank you and bye bye.": ("thank you for calling",),
}
NEEDED_MATCHES = 3
HANG_UP_SECONDS = 20.0


def main() -> int:
    """Place the call; 0 when enough turns were understood and the bot hung up, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("carrier", choices=sorted(CARRIERS))
    carrier: str = parser.parse_args().carrier
    return asyncio.run(place_call(carrier, console=Console(highlight=False)))


async def place_call(carrier: str, *, console: Console) -> int:
    """Call in as somebody with a phone does, talk, and let the bot hang up."""
    telephony = DeployedTelephony.read(
        client=boto3.client, ca_bundle=os.environ["SSL_CERT_FILE"], stack_name="switchboard-local-telephony"
    )
    began = monotonic()
    async with telephony.stand_in(carrier) as stand_in:
        line = await stand_in.call_in(caller=CALLER, called=CALLED)
        console.print(f"{carrier}: the number answered after {monotonic() - began:.2f} s", style="dim")
        caller = PhoneCaller(line)
        problem = await _talk(caller, line, console=console)
    wav = Path(f".switchboard/calls/{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{carrier}.wav")
    caller.save(wav)
    matches = sum(turn.has(*DIALOGUE[turn.said]) for turn in caller.turns if turn.said)
    _show(carrier, caller, console=console)
    console.print(f"recording: {wav} (caller left, bot right)")
    if problem or matches < NEEDED_MATCHES:
        console.print(problem or f"only {matches} of {len(DIALOGUE)} turns were understood", style="red")
        return 1
    console.print(f"OK, {matches} of {len(DIALOGUE)} turns understood, the bot hung up", style="green")
    return 0


async def _talk(caller: PhoneCaller, line: PhoneLine, *, console: Console) -> str:
    """Hold the dialogue; returns what went wrong."""
    try:
        async with caller.talking():
            await caller.greeting()
            for number, sentence in enumerate(DIALOGUE, start=1):
                console.print(f"saying sentence {number} of {len(DIALOGUE)}", style="dim")
                await caller.say(sentence)
            async with asyncio.timeout(HANG_UP_SECONDS):
                await line.ended.wait()
    except SilentBotError as error:
        return str(error)
    except TimeoutError:
        return f"the bot did not hang up within {HANG_UP_SECONDS:.0f} s"
    return ""


def _show(carrier: str, caller: PhoneCaller, *, console: Console) -> None:
    table = Table(title=f"Phone call through {carrier}'s stand-in", title_justify="left")
    for name in ("said", "heard in answer", "after"):
        table.add_column(name)
    for turn in caller.turns:
        table.add_row(turn.said or "(greeting)", turn.heard, f"{turn.seconds:.2f} s" if turn.said else "")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
