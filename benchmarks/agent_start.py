"""How soon the agent's process answers /ping and is ready for a call, against one that imports everything first.

Both run here, in turns, with compiled modules as in the image; the last line, the ratios, is what to compare.
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
from collections.abc import Callable
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
_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.005


def main() -> None:
    """Print the medians in seconds, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory() as compiled:
        for program in (SHIPPED, EAGER):
            start_once(program, compiled=compiled)
        rounds = [
            (start_once(SHIPPED, compiled=compiled), start_once(EAGER, compiled=compiled)) for _ in range(repetitions)
        ]
    shipped, eager = (tuple(map(statistics.median, zip(*starts, strict=True))) for starts in zip(*rounds, strict=True))
    print(f"{'':24}{'first healthy /ping':>20}{'ready for a call':>20}")
    print(f"{'as shipped':24}{shipped[0]:>18.2f} s{shipped[1]:>18.2f} s")
    print(f"{'all imported first':24}{eager[0]:>18.2f} s{eager[1]:>18.2f} s")
    print(f"{'ratio':24}{shipped[0] / eager[0]:>20.2f}{shipped[1] / eager[1]:>20.2f}")


def start_once(program: str, *, compiled: str) -> tuple[float, float]:
    """Seconds from the start of a process to its first healthy /ping, and to ready."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "PYTHONPYCACHEPREFIX": compiled}
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=IMAGE, env=environment, stderr=subprocess.DEVNULL
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
