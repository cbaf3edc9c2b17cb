"""A caller in one room at Daily itself: says a few sentences and prints what became of them, as JSON.

    DAILY_ROOM_URL=… DAILY_TOKEN=… python -m tests.daily.live_caller

A process of its own, so that `import daily` means Daily's library and nothing else.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from switchboard.caller import Caller
from switchboard.connect_api import ConnectApi, StartedDaily, Transport
from switchboard.conversation import Patience
from switchboard.render import report_document
from switchboard.report import CallReport
from switchboard.speech import load_speech

DIALOGUE = ("Please repeat I like coffee and tea.", "I like music very much.", "Thank you and bye bye.")


class OneRoom:
    """In the place of the connect API: the room is there already, and whoever made it deletes it."""

    async def start(self, *, transport: Transport, body: Mapping[str, object] | None = None) -> StartedDaily:
        """Hand the room out."""
        room_url, token = os.environ["DAILY_ROOM_URL"], os.environ["DAILY_TOKEN"]
        return StartedDaily(session_id="live", seconds=0.0, room_url=room_url, token=token)

    async def stop(self, session_id: str) -> None:
        """Nothing."""


def main() -> int:
    """Hold the dialogue; the exit code is the operator's command's."""
    report = CallReport(project="live", environment="test", region="", transport=Transport.DAILY)
    caller = Caller(
        api=cast("ConnectApi", OneRoom()),
        transport=Transport.DAILY,
        patience=Patience(answer=60.0),
        report=report,
        speech=load_speech(),
        progress=lambda _: None,
    )
    asyncio.run(caller.hold_dialogue(DIALOGUE, wav=Path(os.environ["DAILY_WAV"])))
    sys.stdout.write(json.dumps(report_document(report)))
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
