"""Ports that coturn still has an allocation of: a call, as the agent and as the caller, takes another."""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import TurnTransport

import switchboard.turn_allocation
import turn_allocation
from local.certificates import make_certificates
from local.kinesisvideo.coturn import Coturn, KeyPair
from local.kinesisvideo.credentials import ice_server_list

pytestmark = pytest.mark.usefixtures("loopback")

type Create = Callable[..., Coroutine[Any, Any, tuple[TurnTransport, object]]]

agent_and_caller = pytest.mark.parametrize(
    "create", [turn_allocation.create_turn_endpoint, switchboard.turn_allocation.create_turn_endpoint]
)


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    folder = tmp_path_factory.mktemp("turn")
    make_certificates(certificate=folder / "turn.pem", key=folder / "turn.key", bundle=folder / "ca.pem")
    coturn = Coturn(directory=folder, key_pair=KeyPair(certificate=folder / "turn.pem", key=folder / "turn.key"))
    yield coturn
    coturn.stop()


@pytest.fixture(autouse=True)
def one_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process with other tests, one of both has been installed before the other looked at aioice's function."""
    kept = [turn_allocation._create_turn_endpoint.func, switchboard.turn_allocation._create_turn_endpoint]
    own = next(function for function in kept if function.__module__ == "aioice.turn")
    monkeypatch.setattr(turn_allocation, "_create_turn_endpoint", own)
    monkeypatch.setattr(switchboard.turn_allocation, "_create_turn_endpoint", own)


class Ports:
    """Decides from which port the next UDP sockets send; afterwards the kernel does again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.next: list[int] = []
        self.used: list[int] = []
        self._create = asyncio.get_running_loop().create_datagram_endpoint
        monkeypatch.setattr(asyncio.get_running_loop(), "create_datagram_endpoint", self._on_port, raising=False)

    async def _on_port(self, *arguments: Any, **more: Any) -> Any:
        more["local_addr"] = ("127.0.0.1", self.next.pop(0)) if self.next else None
        made = await self._create(*arguments, **more)
        self.used.append(made[0].get_extra_info("sockname")[1])
        return made


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> Ports:
    return Ports(monkeypatch)


async def allocate(create: Create, coturn: Coturn) -> TurnTransport:
    [server, _] = ice_server_list(coturn.servers(), channel=secrets.token_hex(4), now=time.time())
    host, port = coturn.servers().addresses[0].split(":")
    relay, _ = await create(
        asyncio.DatagramProtocol,
        server_addr=(host, int(port)),
        username=server["Username"],
        password=server["Password"],
    )
    return relay


async def give_back(relay: TurnTransport) -> None:
    """Return when the port is free again; coturn keeps the allocation a second longer."""
    client = vars(relay)["_TurnTransport__inner_protocol"]
    socket = client.transport.get_extra_info("socket")
    await client.delete()
    while socket.fileno() != -1:  # noqa: ASYNC110 - nothing tells when a port is free
        await asyncio.sleep(0)


@agent_and_caller
async def test_another_port_is_tried_where_the_server_knows_the_first(
    create: Create, coturn: Coturn, ports: Ports
) -> None:
    await give_back(await allocate(create, coturn))
    [taken] = ports.used
    ports.next = [taken]
    await give_back(await allocate(create, coturn))
    assert ports.used[:2] == [taken, taken]
    assert len(ports.used) == 3


@agent_and_caller
async def test_the_third_refused_port_is_the_last(create: Create, coturn: Coturn, ports: Ports) -> None:
    for _ in range(3):
        await give_back(await allocate(create, coturn))
    ports.next = ports.used[:3]
    with pytest.raises(TransactionFailed, match="437"):
        await allocate(create, coturn)
    assert ports.used[3:] == ports.used[:3]
