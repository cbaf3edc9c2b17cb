"""daily-python, the native SDK: it has what the agent asks of it past Pipecat, and says nothing to the log itself.

That the stand-in has no more than the native module is tested where the stand-in is.
"""

import subprocess
import sys

import daily

from tests.agent_image.agent_process import IMAGE

CALLED = {
    "eject_remote_participants": "($self, ids, completion=None)",
    "set_ice_config": "($self, ice_config=None, completion=None)",
    "sip_call_transfer": "($self, settings, completion=None)",
    "start_dialout": "($self, settings, completion=None)",
    "stop_dialout": "($self, participant_id, completion=None)",
}
# Pipecat calls `Daily.init()` as it is; a room that can't be reached is what there would be most to say about.
PROGRAM = """
import threading
from logs import silence_daily
silence_daily()
import daily
daily.Daily.init()
client, over = daily.CallClient(), threading.Event()
client.set_ice_config({"placement": "replace", "iceServers": [{"urls": ["turn:127.0.0.1:9"], "username": "marzipan"}]})
client.join("https://marzipan.invalid/room", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", completion=lambda *_: over.set())
over.wait(20)
client.release()
"""


def test_it_has_what_the_agent_calls() -> None:
    assert {name: getattr(daily.CallClient, name).__text_signature__ for name in CALLED} == CALLED


def test_it_logs_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PYTHONPATH": str(IMAGE)},
    )

    assert (done.stdout, done.stderr) == ("", "")
