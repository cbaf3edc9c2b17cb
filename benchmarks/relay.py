"""What the media-stream relay adds on one processor: latency, memory and load, beside a naive pipe of `websockets`.

Callers and an agent behind TLS send 50 frames a second each and share one processor; the relay has another for itself.
Added latency is the round trip through it less that of the same callers straight to the same agent: it is what both
directions add together. A program holds as many streams as lose nothing and come back within 20 ms at p99.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT)]

if TYPE_CHECKING:
    from benchmarks.relay_peers.load import Load, Result
    from tests.relay.process import Cloud

_LIMIT_MILLISECONDS = 20
_STEP_SECONDS = 4.0
_WARM_UP_SECONDS = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to measure, and how to come in."""

    name: str
    process: "subprocess.Popen[str]"
    port: int
    path: Callable[[], str]

    def resident_kilobytes(self) -> int:
        """Its memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def processor_seconds(self) -> float:
        """Its time on the processor until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    """Print a line for each program at the given number of streams, then how many each holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--step", type=int, default=50, help="streams that are added until a program doesn't hold them")
    parser.add_argument("--most", type=int, default=1_500, help="where to stop adding")
    arguments = parser.parse_args()
    relay_core, load_core = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {load_core})
    from benchmarks.relay_peers.load import Load

    with tempfile.TemporaryDirectory() as folder, running_cloud(Path(folder)) as cloud:
        load = Load(tls=cloud.certificates.server_context(alpn=["http/1.1"]))
        load.listen()
        direct = measure_direct(load, streams=arguments.streams, seconds=arguments.seconds)
        print(
            f"{'':12}{'streams':>8}{'added ms, p50':>15}{'p99':>8}{'processor':>11}{'kB a stream':>13}{'not back':>10}"
        )
        for start in (start_relay, start_naive):
            with start(cloud, load, core=relay_core, log=Path(folder) / "log") as program:
                report(program, load, direct=direct, streams=arguments.streams, seconds=arguments.seconds)
        for start in (start_relay, start_naive):
            with start(cloud, load, core=relay_core, log=Path(folder) / "log") as program:
                find_most(program, load, step=arguments.step, most=arguments.most)


def measure_direct(load: "Load", *, streams: int, seconds: float) -> "Result":
    """The load with nothing between."""
    load.open(streams, port=load.plain_port, path=lambda: "/")
    result = load.run(warm_up=_WARM_UP_SECONDS, seconds=seconds)
    load.close()
    print(
        f"straight, {streams} streams: round trip {result.percentile(0.5):.2f} ms (median), "
        f"{result.percentile(0.99):.2f} ms (p99); the load takes {result.busy:.0%} of its processor, "
        f"{result.lost} frames not back\n"
    )
    return result


def report(program: Program, load: "Load", *, direct: "Result", streams: int, seconds: float) -> None:
    """Measure at a number of streams, and print that."""
    load.open(10, port=program.port, path=program.path)
    empty = program.resident_kilobytes()
    load.open(10 + streams, port=program.port, path=program.path)
    marks: list[tuple[float, float]] = []
    result = load.run(
        warm_up=_WARM_UP_SECONDS,
        seconds=seconds,
        mark=lambda: marks.append((time.monotonic(), program.processor_seconds())),
    )
    (began, busy), (ended, busy_then) = marks
    share = (busy_then - busy) / (ended - began)
    kilobytes = (program.resident_kilobytes() - empty) / streams
    load.close()
    added = [result.percentile(share) - direct.percentile(share) for share in (0.5, 0.99)] if result.round_trips else []
    times = "".join(f"{each:{width}.2f}" for each, width in zip(added, (15, 8), strict=False)) or f"{'none':>23}"
    print(f"{program.name:12}{streams:>8}{times}{share:>11.0%}{kilobytes:>13.0f}{result.lost:>10}", flush=True)


def find_most(program: Program, load: "Load", *, step: int, most: int) -> None:
    """Add streams until too many frames are late or lost, and print how many were held before."""
    held, share = 0, 0.0
    for streams in range(step, most + 1, step):
        load.open(streams, port=program.port, path=program.path)
        result = load.run(warm_up=_WARM_UP_SECONDS, seconds=_STEP_SECONDS)
        if result.lost or result.percentile(0.99) > _LIMIT_MILLISECONDS:
            break
        held, share = streams, result.busy
    load.close()
    print(
        f"{program.name}: holds {held} streams (round trip of 20 ms at p99; the load then took {share:.0%} of its own)"
    )


@contextmanager
def running_cloud(folder: Path) -> "Iterator[Cloud]":
    """The services that a relay asks, from a thread: they are idle while streams are measured."""
    from tests.relay.process import run_cloud

    ready: list[Cloud] = []
    started, ending = threading.Event(), threading.Event()

    async def serve() -> None:
        async with run_cloud(folder) as cloud:
            ready.append(cloud)
            started.set()
            await asyncio.to_thread(ending.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    started.wait()
    try:
        yield ready[0]
    finally:
        ending.set()
        thread.join()


@contextmanager
def start_relay(cloud: "Cloud", load: "Load", *, core: int, log: Path) -> Iterator[Program]:
    """The relay as it is deployed."""
    from tests.relay.tokens import mint

    environment = {
        **cloud.environment(),
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": f"https://127.0.0.1:{load.port}",
        "SWITCHBOARD_MAX_STREAMS": "4000",
        "PORT": "18080",
    }
    with start([sys.executable, "-m", "relay"], environment=environment, core=core, log=log) as process:
        wait_for_line(process, log, word='"listening"')
        yield Program(name="relay", process=process, port=18_080, path=lambda: f"/streams/{mint()}")


@contextmanager
def start_naive(cloud: "Cloud", load: "Load", *, core: int, log: Path) -> Iterator[Program]:
    """The naive pipe."""
    environment = {**cloud.certificates.environment(), "AGENT_URL": f"wss://127.0.0.1:{load.port}/"}
    program = [sys.executable, str(_ROOT / "benchmarks" / "relay_peers" / "naive.py")]
    with start(program, environment=environment, core=core, log=log) as process:
        port = int(wait_for_line(process, log, word="\n"))
        yield Program(name="naive pipe", process=process, port=port, path=lambda: "/")


@contextmanager
def start(
    program: list[str], *, environment: Mapping[str, str], core: int, log: Path
) -> "Iterator[subprocess.Popen[str]]":
    """A process on one processor."""
    with log.open("w") as output:
        process = subprocess.Popen(
            program,
            cwd=_ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=output,
            stderr=output,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_line(process: "subprocess.Popen[str]", log: Path, *, word: str) -> str:
    """The log, once it holds a word."""
    while word not in (text := log.read_text()):
        if process.poll() is not None:
            raise SystemExit(text)
        time.sleep(0.05)
    return text


if __name__ == "__main__":
    main()
