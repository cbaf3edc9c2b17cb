"""What the ICE agent does sooner than aioice's, at a real relay."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from aioice import Candidate, TransportPolicy
from aioice.ice import CandidatePair
from aioice.stun import Class, Message, Method, parse_message
from aioice.turn import TurnClientMixin

from ice_agent import PromptConnection, install
from tests.agent_image.agent_process import until
from tests.agent_image.turn_server import TurnServer, run_turn_server


class Caller(asyncio.DatagramProtocol):
    """A caller's socket, which notes what comes."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.append(data)


def kind(data: bytes) -> tuple[Method, Class]:
    message = parse_message(data)
    return Method(message.message_method), Class(message.message_class)


def connection(turn: TurnServer) -> PromptConnection:
    ice_server = turn.ice_server("udp")
    agent = PromptConnection(
        ice_controlling=False,
        turn_server=(turn.address, turn.port),
        turn_username=ice_server["username"],
        turn_password=ice_server["credential"],
        transport_policy=TransportPolicy.RELAY,
    )
    agent.remote_username, agent.remote_password = "caller", "c" * 22
    return agent


async def test_the_callers_first_check_passes_the_relay_and_is_answered_while_ours_is_under_way(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with run_turn_server(tmp_path) as turn:
        transport, caller = await loop.create_datagram_endpoint(Caller, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        agent = connection(turn)
        await agent.add_remote_candidate(Candidate("1", 1, "udp", 1, "127.0.0.1", port, "host"))
        await agent.gather_candidates()
        (relay,) = agent.local_candidates

        async def opened() -> bool:
            return bool(caller.received)

        await until(opened, within=5)  # the indication shows that the permission is there, before any check
        assert kind(caller.received[0]) == (Method.BINDING, Class.INDICATION)
        connecting = asyncio.create_task(agent.connect())

        async def checked() -> bool:
            return sum(kind(data)[1] is Class.REQUEST for data in caller.received) >= 1

        await until(checked, within=5)
        (pair,) = agent._check_list
        assert pair.state is CandidatePair.State.IN_PROGRESS
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes["USERNAME"] = f"{agent.local_username}:caller"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        request.add_message_integrity(agent.local_password.encode())
        before = len(caller.received)
        sent = loop.time()
        transport.sendto(bytes(request), (relay.host, relay.port))

        async def answered() -> bool:
            return {Class.REQUEST, Class.RESPONSE} <= {kind(data)[1] for data in caller.received[before:]}

        await until(answered, within=5)
        waited = loop.time() - sent
        connecting.cancel()
        await agent.close()
        transport.close()

    assert waited < 0.3  # aioice repeats its check after 0.5 s


async def test_the_callers_permission_is_renewed_before_its_300_seconds_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bindings: list[int] = []
    channel_bind = TurnClientMixin.channel_bind

    async def noting(client: TurnClientMixin, channel: int, addr: tuple[str, int]) -> None:
        await channel_bind(client, channel, addr)
        bindings.append(channel)

    monkeypatch.setattr(TurnClientMixin, "channel_bind", noting)
    install()
    async with run_turn_server(tmp_path) as turn:
        agent = connection(turn)
        await agent.add_remote_candidate(Candidate("1", 1, "udp", 1, "127.0.0.1", 9, "host"))
        await agent.gather_candidates()
        (relay,) = agent._protocols

        async def bound() -> bool:
            return len(bindings) == expected

        expected = 1
        await until(bound, within=5)
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=299), tick=False):
            relay.send_stun(Message(Method.BINDING, Class.INDICATION), ("127.0.0.1", 9))
            expected = 2
            await until(bound, within=5)
        await agent.close()
