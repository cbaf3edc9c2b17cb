"""A load balancer by itself: which target a request goes to, how long a connection may be idle, and how one ends."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.certificates import make_certificates
from local.load_balancing.load_balancers import LoadBalancers
from local.load_balancing.target_group import Target, TargetGroup, TargetGroupSettings, TargetState

GROUP, BALANCER = "group", "balancer"
UPGRADE = b"GET /call HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
Read = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Backend:
    """A target that answers each request with its name, and echoes once it is upgraded."""

    name: str
    health: int = 200
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
        body = await reader.readexactly(length)
        if head.startswith(b"GET /health "):
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % self.health)
        elif head.startswith(b"GET /call "):
            self.requests.append(head)
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
            while data := await reader.read(1000):
                writer.write(data)
        elif not head.startswith(b"GET /broken "):
            self.requests.append(head + body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(self.name), self.name.encode()))
        writer.close()


@dataclass
class Front:
    """The load balancer, and clients of it."""

    balancers: LoadBalancers
    group: TargetGroup
    trust: ssl.SSLContext

    async def connect(self) -> Read:
        port = int(self.balancers.dns_name(BALANCER, name="a").rpartition(":")[2])
        return await asyncio.open_connection("127.0.0.1", port, ssl=self.trust, server_hostname="a.elb.localhost")

    async def ask(
        self, connection: Read, request: bytes = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
    ) -> tuple[int, bytes]:
        reader, writer = connection
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), await reader.readexactly(length)

    async def call(self) -> Read:
        reader, writer = await self.connect()
        writer.write(UPGRADE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        return reader, writer


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(certificate=folder / "own.pem", key=folder / "key.pem", bundle=folder / "bundle.pem")
    return folder


@asynccontextmanager
async def serving(
    files: Path, *backends: Backend, idle_seconds: float = 60, **settings: float | str
) -> AsyncIterator[Front]:
    balancers = LoadBalancers(certificate=files / "own.pem", key=files / "key.pem")
    chosen = {"path": "/health", "interval": 0.05, "timeout": 5} | settings
    balancers.add_group(GROUP, TargetGroupSettings(**chosen))  # type: ignore[arg-type]
    balancers.add(BALANCER, name="a", idle_seconds=idle_seconds)
    await balancers.listen(BALANCER, group_arn=GROUP)
    servers = [await asyncio.start_server(backend.serve, "127.0.0.1", 0) for backend in backends]
    front = Front(balancers, balancers.group(GROUP), ssl.create_default_context(cafile=files / "bundle.pem"))
    for server in servers:
        front.group.register(Target(host="127.0.0.1", port=server.sockets[0].getsockname()[1]), grace_seconds=60)
    try:
        async with asyncio.timeout(60):
            yield front
    finally:
        await balancers.aclose()
        for server in servers:
            server.close()


async def healthy(front: Front) -> None:
    for target in front.group.targets:
        assert await target.becomes(TargetState.HEALTHY, TargetState.UNHEALTHY) is TargetState.HEALTHY


async def ended(connection: Read) -> bytes:
    data: bytes = await connection[0].read()
    return data


async def test_requests_of_one_connection_go_to_the_least_busy_target_each(files: Path) -> None:
    async with serving(files, Backend("one"), Backend("two")) as front:
        await healthy(front)
        client = await front.connect()
        first = await front.ask(client)
        call = await front.call()
        others = {await front.ask(client) for _ in range(4)}

        busy = next(target for target in front.group.targets if target.open_requests)
        assert first[0] == 200
        assert others == {(200, b"two" if busy is front.group.targets[0] else b"one")}
        call[1].close()


async def test_a_request_arrives_whole_with_what_is_said_of_the_client(files: Path) -> None:
    backend = Backend("one")
    async with serving(files, backend) as front:
        await healthy(front)
        body = bytes(range(256)) * 1000
        request = b"POST /a?b=%2f&c HTTP/1.1\r\nHost: a.test\r\nX-Own: B\r\nContent-Length: 256000\r\n\r\n" + body

        assert await front.ask(await front.connect(), request) == (200, b"one")
    head, _, sent = backend.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert head.startswith(b"POST /a?b=%2f&c HTTP/1.1\r\nHost: a.test\r\nX-Own: B\r\n")
    assert b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n" in head + b"\r\n"


async def test_upgraded_bytes_pass_both_ways_and_an_end_on_one_side_is_one_on_the_other(files: Path) -> None:
    async with serving(files, Backend("one")) as front:
        await healthy(front)
        reader, writer = await front.connect()
        writer.write(UPGRADE + b"with it")  # right behind the handshake, as nothing forbids
        await reader.readuntil(b"\r\n\r\n")
        data = bytes(range(256)) * 4000
        writer.write(data)

        assert await reader.readexactly(7 + len(data)) == b"with it" + data
        writer.close()
        (target,) = front.group.targets
        await target.drained(seconds=60)
        assert target.open_requests == 0


@pytest.mark.parametrize(
    ("path", "health", "status"), [(b"/broken", 200, 502), (b"/", 500, 503)], ids=["no answer", "nobody healthy"]
)
async def test_what_no_target_answers_is_answered_in_its_place(
    files: Path, path: bytes, health: int, status: int
) -> None:
    async with serving(files, Backend("one", health=health)) as front:
        if health == 200:
            await healthy(front)
        request = b"GET %b HTTP/1.1\r\nHost: a.test\r\n\r\n" % path

        assert await front.ask(await front.connect(), request) == (status, b"")


async def test_a_connection_is_cut_when_nothing_passes_for_the_idle_time_and_not_before(files: Path) -> None:
    async with serving(files, Backend("one"), idle_seconds=0.5) as front:
        await healthy(front)
        began = time.monotonic()
        silent, (reader, writer) = await front.call(), await front.call()
        for _ in range(8):
            await asyncio.sleep(0.1)
            writer.write(b"x")
            await reader.readexactly(1)
        assert await ended(silent) == b""
        assert time.monotonic() - began >= 0.5


async def test_a_target_is_let_go_when_its_connections_are_over(files: Path) -> None:
    async with serving(files, Backend("one"), Backend("two"), deregistration_delay=60) as front:
        await healthy(front)
        reader, writer = await front.call()
        leaving = next(target for target in front.group.targets if target.open_requests)
        gone = asyncio.create_task(front.group.deregister(leaving))
        await leaving.becomes(TargetState.DRAINING)
        answers = {await front.ask(await front.connect()) for _ in range(4)}
        writer.write(b"still here")

        assert (await reader.readexactly(10), gone.done()) == (b"still here", False)
        assert len(answers) == 1
        writer.close()
        await gone
        assert leaving not in front.group.targets


async def test_a_connection_that_outlasts_the_deregistration_delay_is_cut(files: Path) -> None:
    async with serving(files, Backend("one"), deregistration_delay=0.2) as front:
        await healthy(front)
        call = await front.call()
        await front.group.deregister(front.group.targets[0])

        assert await ended(call) == b""


async def test_a_target_turns_unhealthy_after_so_many_failures_and_healthy_again(files: Path) -> None:
    backend = Backend("one")
    async with serving(files, backend, unhealthy_threshold=2, healthy_threshold=2, matcher="200-299,418") as front:
        await healthy(front)
        (target,) = front.group.targets
        for status, state in ((404, TargetState.UNHEALTHY), (418, TargetState.HEALTHY)):
            backend.health = status
            await target.becomes(state)


async def test_a_target_that_never_answers_is_unhealthy_when_its_grace_is_over(files: Path) -> None:
    async with serving(files) as front:
        target = Target(host="127.0.0.1", port=1)
        front.group.register(target, grace_seconds=0.3)
        began = time.monotonic()
        await target.becomes(TargetState.UNHEALTHY)

        assert time.monotonic() - began >= 0.3
