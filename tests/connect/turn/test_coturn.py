"""What is minted for coturn, and what a real coturn says to it."""

import asyncio
import base64
import hashlib
import hmac
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from aioice import stun, turn

from connect.settings import Settings
from connect.turn import IceServer, coturn, ice_servers
from shared.credentials import Credentials
from shared.errors import ApiError
from tests.connect.turn.cloud import TURN_SECRET_ARN, TurnCloud
from tests.connect.turn.conftest import Deploy
from tests.kinesisvideo.conftest import needs_coturn

SECRET = "the secret that coturn shares with the function"
type Address = tuple[str, int]


@pytest.fixture
def settings(cloud: TurnCloud, deploy: Deploy) -> Settings:
    cloud.secrets[TURN_SECRET_ARN] = SECRET
    return deploy("coturn")


def minted(*, settings: Settings, credentials: Credentials) -> IceServer:
    (server,) = ice_servers(settings=settings, credentials=credentials).servers
    return server


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Address]:
    """A coturn on loopback that gives each user one allocation."""
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", tcp.getsockname()[1])
    command = [
        "turnserver",
        "-n",
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--simple-log",
        "--realm",
        "tests",
        "--user-quota",
        "1",
    ]
    command += ["--listening-ip", address[0], "--relay-ip", address[0], "--listening-port", str(address[1])]
    command += ["--use-auth-secret", "--static-auth-secret", SECRET, "--log-file", str(tmp_path / "turn.log")]
    command += ["--userdb", str(tmp_path / "turn.sqlite"), "--pidfile", str(tmp_path / "turn.pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            await_listening(address, process=process)
            yield address
        finally:
            process.kill()


def await_listening(address: Address, *, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            assert process.poll() is None, "coturn has ended"
            assert time.monotonic() < deadline, "coturn does not listen"
            time.sleep(0.02)
        else:
            return


async def allocate(relay: Address, server: IceServer) -> turn.TurnTransport:
    transport, _ = await turn.create_turn_endpoint(asyncio.DatagramProtocol, relay, server.username, server.credential)
    return transport


def test_a_username_is_an_expiry_and_a_lot_and_the_credential_its_hmac(
    settings: Settings, credentials: Credentials
) -> None:
    with time_machine.travel(1_800_000_000.9, tick=False):
        answer = ice_servers(settings=settings, credentials=credentials)

    (server,) = answer.servers
    expiry, colon, lot = server.username.partition(":")
    assert (expiry, colon, len(lot)) == ("1800000300", ":", 16)
    digest = hmac.new(SECRET.encode(), server.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(server.credential, validate=True) == digest
    assert server.urls == ("turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:443?transport=tcp")
    assert answer.expires_at is None, "minting again costs nothing"
    assert server.credential not in repr(answer)


def test_every_answer_is_another_user(settings: Settings, credentials: Credentials) -> None:
    users = {minted(settings=settings, credentials=credentials).username.partition(":")[2] for _ in range(20)}

    assert len(users) == 20


@pytest.mark.parametrize("secret", ["", "too short", SECRET + "\n"])
def test_a_secret_that_can_be_none_is_the_deployments_fault(
    cloud: TurnCloud, settings: Settings, credentials: Credentials, secret: str
) -> None:
    cloud.secrets[TURN_SECRET_ARN] = secret

    with pytest.raises(ApiError) as raised:
        minted(settings=settings, credentials=credentials)
    assert raised.value.code == "wrong_setup"
    assert f"coturn's secret has {len(secret)} characters" in raised.value.note
    assert SECRET not in raised.value.note


@needs_coturn
async def test_coturn_gives_each_call_its_own_quota(
    relay: Address, settings: Settings, credentials: Credentials
) -> None:
    one, other = (minted(settings=settings, credentials=credentials) for _ in range(2))
    held = [await allocate(relay, one)]
    with pytest.raises(stun.TransactionFailed, match="486"):
        await allocate(relay, one)
    held.append(await allocate(relay, other))

    assert len({transport.get_extra_info("sockname") for transport in held}) == 2
    for transport in held:
        transport.close()


@needs_coturn
async def test_coturn_refuses_what_was_not_minted_or_has_expired(
    relay: Address, cloud: TurnCloud, settings: Settings, credentials: Credentials
) -> None:
    good = minted(settings=settings, credentials=credentials)
    with time_machine.travel(time.time() - coturn.LIFETIME_SECONDS - 1):
        expired = minted(settings=settings, credentials=credentials)
    later = IceServer(urls=good.urls, username=f"9{good.username}", credential=good.credential)
    guessed = IceServer(urls=good.urls, username=good.username, credential=base64.b64encode(bytes(20)).decode())

    for refused in (expired, later, guessed):
        with pytest.raises(stun.TransactionFailed, match="401"):
            await allocate(relay, refused)
    (await allocate(relay, good)).close()


@needs_coturn
async def test_coturn_refreshes_an_allocation_whose_credential_has_expired(
    relay: Address, settings: Settings, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the lifetime bounds the set-up of a call only."""
    monkeypatch.setattr(coturn, "LIFETIME_SECONDS", 2)
    brief = minted(settings=settings, credentials=credentials)
    transport = await allocate(relay, brief)
    expiry = int(brief.username.partition(":")[0])
    await asyncio.sleep(max(0, expiry + 1.1 - time.time()))  # coturn counts in whole seconds

    with pytest.raises(stun.TransactionFailed, match="401"):
        await allocate(relay, brief)
    refresh = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
    refresh.attributes["LIFETIME"] = 600
    client = transport._TurnTransport__inner_protocol  # type: ignore[attr-defined]  # there is no public way to it
    response, _ = await client.request_with_retry(refresh)
    assert response.attributes["LIFETIME"] == 600
    transport.close()
