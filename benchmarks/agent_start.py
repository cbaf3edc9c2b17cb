"""How soon the agent's process answers /ping and is ready for a call, against one that imports everything first.

Both run here, in turns, with compiled modules as in the image; the last column, the ratio of the first healthy /ping,
is what to compare.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

IMAGE = Path(__file__).parents[1] / "agent_image"
SHIPPED = "import server; raise SystemExit(server.main())"
EAGER = """
import loading
from settings import current_settings
bot = loading.load_bot(settings=current_settings())
loading.load_bot = lambda settings: bot
import server
raise SystemExit(server.main())
"""
_MODELS = {"AWS_REGION": "us-east-1", "SWITCHBOARD_MODEL_ID": "amazon.nova-2-5-sonic"}
_PIPELINES = ("offline", "cascaded", "speech_to_speech")
# What a deployment sets. Nothing of it is asked or connected before the first call.
DEPLOYMENTS = {
    f"{pipeline}{', traced' if tracing == 'on' else ''}": {
        **_MODELS,
        "SWITCHBOARD_PIPELINE": pipeline,
        "SWITCHBOARD_TRACING": tracing,
    }
    for pipeline in _PIPELINES
    for tracing in ("off", "on")
}
_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.02  # each question costs the agent time in which it doesn't load


def main() -> None:
    """Print the medians in seconds, and the ratio of the first healthy /ping, by pipeline and tracing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    print(f"{'seconds (medians)':28}{'/ping':>8}{'ready':>8}   all imported first:{'/ping':>8}{'ready':>8}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as compiled:
        for name, environment in DEPLOYMENTS.items():
            environment["PYTHONPYCACHEPREFIX"] = compiled
            for program in (SHIPPED, EAGER):
                start_once(program, environment=environment)
            pairs = [
                [start_once(program, environment=environment) for program in (SHIPPED, EAGER)]
                for _ in range(repetitions)
            ]
            shipped, eager = (
                [statistics.median(seconds) for seconds in zip(*starts, strict=True)]
                for starts in zip(*pairs, strict=True)
            )
            print(f"{name:28}{shipped[0]:8.2f}{shipped[1]:8.2f}{'':22}{eager[0]:8.2f}{eager[1]:8.2f}", end="")
            print(f"{shipped[0] / eager[0]:8.2f}", flush=True)


def start_once(program: str, *, environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds from the start of a process to its first healthy /ping, and to ready."""
    port = free_port()
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=IMAGE,
        env={"PATH": os.environ["PATH"], "PORT": str(port), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as agent:
        try:
            healthy = wait_for(lambda: ask(port, "GET", "/ping").get("status") == "Healthy") - started
            ready = wait_for(lambda: ask(port, "POST", "/invocations", {"type": "status"}).get("ready")) - started
        finally:
            agent.terminate()
    return healthy, ready


def wait_for(condition: Callable[[], object]) -> float:
    """The moment at which the condition holds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(
                f"the agent did not start within {_PATIENCE_SECONDS} s; run agent_image/server.py to see why"
            )
        time.sleep(_POLL_SECONDS)
    return time.monotonic()


def ask(port: int, method: str, path: str, body: object = None) -> dict[str, object]:
    """The agent's JSON answer; nothing as long as it doesn't listen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer: dict[str, object] = json.load(connection.getresponse())
    except ConnectionError:
        return {}
    finally:
        connection.close()
    return answer


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
