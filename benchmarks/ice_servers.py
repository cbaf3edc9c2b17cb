"""What KVS is asked for and refuses while 8 Lambda processes answer POST /start, at the pool's limit and far above.

Each process imports the function's own handler and shares nothing with the others; requests come at an even pace,
whether or not the last are answered. KVS and Secrets Manager are stand-ins on loopback: signatures aren't checked here,
and KVS's limit is held within every second that one could choose.

Without reuse, 95 % leaves room for an even pace only: where a busy machine hands requests over in bursts (it prints how
late), more than the limit arrives within a second, and calls fail that no choice of channel could have saved.

Run: python benchmarks/ice_servers.py
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import sys
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, override

CHANNEL_LIMIT = 5
PROCESSES = 8
PATIENCE_SECONDS = 60
NAME = "switchboard-bench-turn-"
_ROOT = Path(__file__).parents[1]
_SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"  # noqa: S105  # a name, no secret
_SPAWN = multiprocessing.get_context("spawn")  # a fork would share what it has imported


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much is asked of which pool; `share` is of the pool's limit, 5 a second and channel."""

    channels: int
    share: float
    requests: int
    reuse_seconds: int

    @property
    def per_second(self) -> float:
        """The pace of the requests."""
        return self.channels * CHANNEL_LIMIT * self.share


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it: `failed` by status, sessions by channel, and what the stand-in of KVS counted.

    Of each request, sorted: `late` is from when it was due until a process had it, `seconds` from then to its answer.
    """

    sessions: int
    failed: dict[int, int]
    by_channel: dict[str, int]
    answered: int
    throttled: int
    endpoints: int
    late: list[float]
    seconds: list[float]

    @property
    def spread(self) -> str:
        """The least and the most sessions that a channel got."""
        return f"{min(self.by_channel.values())}-{max(self.by_channel.values())}"


def run(load: Load) -> Outcome:
    """Start the stand-ins and the processes, put the load on them, and count."""
    with _services(channels=load.channels) as (url, arns), _workers(url=url, arns=arns, load=load) as workers:
        answers = _put(load=load, workers=workers)
        with urllib.request.urlopen(f"{url}/counts", timeout=PATIENCE_SECONDS) as response:  # noqa: S310  # loopback
            counts = json.load(response)
    served = Counter({f"{NAME}{number}": 0 for number in range(load.channels)})
    served.update(answer.channel for answer in answers if answer.status == 200)
    return Outcome(
        sessions=served.total(),
        failed=dict(Counter(answer.status for answer in answers if answer.status != 200)),
        by_channel=dict(served),
        answered=counts["ice_server_configs"] - counts["throttles"],
        throttled=counts["throttles"],
        endpoints=counts["endpoints"],
        late=sorted(answer.late for answer in answers),
        seconds=sorted(answer.seconds for answer in answers),
    )


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    channel: str
    late: float
    seconds: float


def _put(*, load: Load, workers: list[Connection]) -> list[_Answer]:
    """Hand each request, when it is due, to the worker that has rested longest; a worker has one at a time."""
    due = deque(time.monotonic() + number / load.per_second for number in range(load.requests))
    resting, answers = deque(workers), list[_Answer]()
    begun: dict[Connection, tuple[float, float]] = {}
    while len(answers) < load.requests:
        while due and resting and due[0] <= time.monotonic():
            worker = resting.popleft()
            begun[worker] = due.popleft(), time.monotonic()
            worker.send(None)
        pause = max(0.0, due[0] - time.monotonic()) if due and resting else PATIENCE_SECONDS
        if not begun:
            time.sleep(pause)
        answered = wait(list(begun), timeout=pause)
        for worker in [worker for worker in begun if worker in answered]:
            status, channel = worker.recv()
            due_at, at = begun.pop(worker)
            answers.append(_Answer(status=status, channel=channel, late=at - due_at, seconds=time.monotonic() - at))
            resting.append(worker)
    return answers


@contextlib.contextmanager
def _services(*, channels: int) -> Iterator[tuple[str, list[str]]]:
    """The stand-ins in a process of their own: their URL, and the channels' ARNs."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, channels), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(connection: Connection, channels: int) -> None:
    from local.kinesisvideo.credentials import TurnServers
    from local.kinesisvideo.service import KinesisVideo

    server = _Server(("127.0.0.1", 0), _Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    turn = TurnServers(addresses=("turn.example.com:443", "turn2.example.com:443"), secret="s" * 32)
    kvs = KinesisVideo(account_id="123456789012", region="us-east-1", base_url=url, turn=lambda: turn)
    arns = []
    for number in range(channels):
        body = json.dumps({"ChannelName": f"{NAME}{number}"}).encode()
        arns.append(json.loads(kvs.answer(method="POST", path="/createSignalingChannel", body=body).body)["ChannelARN"])
    server.kvs = kvs
    connection.send((url, arns))
    server.serve_forever()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    kvs: Any


class _Handler(BaseHTTPRequestHandler):
    """KVS, Secrets Manager, and what KVS has counted."""

    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["x-amz-target"] == "secretsmanager.GetSecretValue":
            self._answer(200, {}, json.dumps({"SecretString": "k" * 64}).encode())
            return
        response = self.server.kvs.answer(method="POST", path=self.path, body=body)
        self._answer(response.status, response.headers, response.body)

    def do_GET(self) -> None:
        kvs = self.server.kvs
        counts = {
            "ice_server_configs": kvs.ice_server_configs.requests.total(),
            "throttles": kvs.ice_server_configs.throttles.total(),
            "endpoints": kvs.endpoints.requests.total(),
        }
        self._answer(200, {}, json.dumps(counts).encode())

    def _answer(self, status: int, headers: Any, body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Print nothing between the figures."""


@contextlib.contextmanager
def _workers(*, url: str, arns: list[str], load: Load) -> Iterator[list[Connection]]:
    """Processes that have imported the handler, as Lambda's are once initialised."""
    environ = _environment(url=url, arns=arns, reuse_seconds=load.reuse_seconds)
    connections, processes = [], []
    for _ in range(PROCESSES):
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_work, args=(theirs, environ), daemon=True)
        process.start()
        connections.append(ours)
        processes.append(process)
    try:
        for connection in connections:
            connection.recv()
        yield connections
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _environment(*, url: str, arns: list[str], reuse_seconds: int) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_SESSION_TOKEN": "example",
        "AWS_ENDPOINT_URL": url,
        "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
        "POWERTOOLS_SERVICE_NAME": "connect",
        "SWITCHBOARD_AUTHORIZER": "none",
        "SWITCHBOARD_ENDPOINT_NAME": "live",
        "SWITCHBOARD_ICE_REUSE_SECONDS": str(reuse_seconds),
        "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES": ",".join(arn.rpartition("/")[2] for arn in arns),
        "SWITCHBOARD_KVS_CHANNEL_PREFIX": arns[0].rpartition("0/")[0],
        "SWITCHBOARD_MAX_BODY_BYTES": "4096",
        "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
        "SWITCHBOARD_RUNTIME_ARN": "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/bench-a1b2c3d4e5",
        "SWITCHBOARD_SESSION_KEY_SECRET_ARN": _SECRET_ARN,
        "SWITCHBOARD_TRANSPORTS": "webrtc",
        "SWITCHBOARD_TURN_SOURCE": "kvs",
    }


@dataclass(frozen=True)
class _LambdaContext:
    function_name: str = "connect"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:connect"
    aws_request_id: str = "1"


def _work(connection: Connection, environ: dict[str, str]) -> None:
    """Answer requests until the end; what the handler logs goes nowhere."""
    os.environ.update(environ)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from connect.handler import handler

    event = {
        "routeKey": "POST /start",
        "headers": {},
        "requestContext": {"requestId": "1", "http": {"method": "POST", "path": "/start"}},
        "body": '{"transport":"webrtc"}',
    }
    connection.send(None)
    while True:
        connection.recv()
        response = handler(event, _LambdaContext())
        connection.send((response["statusCode"], _channel(response)))


def _channel(response: dict[str, Any]) -> str:
    """The channel that the answer came from: the stand-in names it in the user name."""
    if response["statusCode"] != 200:
        return ""
    return str(json.loads(response["body"])["iceConfig"]["iceServers"][0]["username"]).partition(":")[2]


def _report(*, load: Load, outcome: Outcome) -> None:
    reuse = f"answers reused for {load.reuse_seconds} s" if load.reuse_seconds else "no answer reused"
    print(
        f"\n{load.share:g} x the limit of {load.channels} channels: {load.requests} requests at {load.per_second:g} a "
        f"second over {PROCESSES} processes, {reuse}"
    )
    sessions = max(1, outcome.sessions)
    failed = sum(outcome.failed.values())
    print(f"  failed calls                        {failed}{f'  {outcome.failed}' if failed else ''}")
    print(f"  GetIceServerConfig a session        {outcome.answered / sessions:.3f}  ({outcome.answered} in all)")
    print(f"  throttled attempts a session        {outcome.throttled / sessions:.3f}  ({outcome.throttled} in all)")
    print(f"  GetSignalingChannelEndpoint         {outcome.endpoints} in all, once a channel and process")
    print(f"  sessions a channel, least-most      {outcome.spread}")
    print(f"  handed to a process late            {_percentiles(outcome.late)}")
    print(f"  answered after                      {_percentiles(outcome.seconds)}")


def _percentiles(seconds: list[float]) -> str:
    middle, most = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
    return f"{middle * 1000:.1f} ms median, {most * 1000:.0f} ms at 99 %"


def main() -> None:
    """Print the figures of a pool at 95 % of its limit without reuse, and of one at 20 times its limit with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--channels", type=int, default=10, help="of the pool at 95 %% of its limit")
    parser.add_argument("--reuse-seconds", type=int, default=20, help="in the run above the limit")
    chosen = parser.parse_args()
    sys.path[:0] = [str(_ROOT), str(_ROOT / "lambda")]
    loads = [
        Load(channels=chosen.channels, share=0.95, requests=chosen.requests, reuse_seconds=0),
        Load(channels=chosen.channels, share=0.95, requests=chosen.requests, reuse_seconds=chosen.reuse_seconds),
        # So small a pool, since ten channels would need 1,000 requests a second of one machine.
        Load(channels=2, share=20, requests=chosen.requests, reuse_seconds=chosen.reuse_seconds),
    ]
    for load in loads:
        _report(load=load, outcome=run(load))


if __name__ == "__main__":
    main()
