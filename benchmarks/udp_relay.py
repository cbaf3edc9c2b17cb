"""What the UDP relay of a Daily call adds to a datagram's way to the TURN server and back, and what it costs.

Run: python benchmarks/udp_relay.py
"""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).parents[1]
_HOST = "127.0.0.1"
_DATAGRAMS = 2000
_BYTES = 160  # 20 ms of Opus at 48 kbit/s, with SRTP's and TURN's headers
_PAUSE_SECONDS = 0.0025  # 400 datagrams a second and direction: eight calls


def main() -> None:
    """Print the ways side by side."""
    with program("echo") as echo:
        port = first_line(echo)
        with program("relay", port) as relay:
            relay_port = first_line(relay)
            direct, relayed = round_trips(int(port)), round_trips(int(relay_port))
            processor, _ = relay.communicate()
        echo.kill()
    table = Table("way", "round trip, median", "p99")
    table.add_row("direct", *(f"{each * 1e6:.0f} µs" for each in direct))
    table.add_row("relay", *(f"{each * 1e6:.0f} µs" for each in relayed))
    table.add_row("added", *(f"{(there - here) * 1e6:.0f} µs" for there, here in zip(relayed, direct, strict=True)))
    Console().print(table)
    Console().print(f"processor: {float(processor) / (2 * _DATAGRAMS) * 1e6:.1f} µs a datagram")


def program(*words: str) -> subprocess.Popen[str]:
    """This program, as something else."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, __file__, *words], stdin=pipe, stdout=pipe, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    """The port at which it listens."""
    return process.stdout.readline().strip() if process.stdout else ""


def round_trips(port: int) -> tuple[float, float]:
    """Median and 99th percentile, in seconds."""
    taken = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((_HOST, port))
        client.settimeout(5)
        for number in range(-50, _DATAGRAMS - 50):
            began = time.perf_counter()
            client.send(bytes(_BYTES))
            client.recv(_BYTES)
            if number >= 0:
                taken.append(time.perf_counter() - began)
            time.sleep(_PAUSE_SECONDS)
    return median(taken), quantiles(taken, n=100)[98]


def echo() -> None:
    """Send back what comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((_HOST, 0))
        print(server.getsockname()[1], flush=True)
        while True:
            server.sendto(*server.recvfrom(_BYTES))


async def relay(port: int) -> None:
    """Relay until the input ends, and print the seconds of processor that this took."""
    sys.path.insert(0, str(_ROOT / "agent_image"))
    from daily_room.udp_relay import UdpRelay

    opened = UdpRelay(host=_HOST, server=(_HOST, port))
    began = time.process_time()
    print(opened.port, flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()
    print(time.process_time() - began)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["echo"]:
            echo()
        case ["relay", port]:
            asyncio.run(relay(int(port)))
        case _:
            main()
