"""The real coturn behind the channels: who gets an allocation, how many, and how it starts and ends."""

import os
import signal
import ssl
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aioice.stun import TransactionFailed

from local.aws_http.errors import ServiceError
from local.kinesisvideo.credentials import ice_server_list

from .conftest import Relay, ending, make_relay, needs_coturn
from .turn_client import allocation

ROOT = Path(__file__).parents[2]
KILLED = """
import pathlib, sys, time
from tests.kinesisvideo.conftest import make_relay
relay = make_relay(pathlib.Path(sys.argv[1]))
relay.coturn.servers()
print("started", flush=True)
time.sleep(60)
"""


def servers_for(relay: Relay, channel: str, *, seconds_later: float = 0) -> list[dict[str, Any]]:
    return ice_server_list(relay.coturn.servers(), channel=channel, now=time.time() + seconds_later)


def coturn_pid(directory: Path) -> int:
    return int((directory / "coturn.pid").read_text())


def arguments_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@needs_coturn
async def test_both_servers_give_allocations_on_loopback_by_udp_and_by_tls(relay: Relay) -> None:
    for server in servers_for(relay, "turn-0"):
        udp, _, tls = server["Uris"]  # aioice speaks no DTLS
        for uri in (udp, tls):
            async with allocation(server, uri, trust=relay.trust) as (host, port):
                assert host == "127.0.0.1"
                assert 61_000 <= port <= 65_535


@needs_coturn
def test_both_servers_speak_dtls_with_a_certificate_that_the_bundle_trusts(relay: Relay) -> None:
    for server in servers_for(relay, "turn-0"):
        address = server["Uris"][1].removeprefix("turns:").removesuffix("?transport=udp")
        command = ["openssl", "s_client", "-dtls", "-connect", address, "-CAfile", relay.bundle]
        said = subprocess.run(command, input=b"", capture_output=True, timeout=10)
        assert b"Verify return code: 0 (ok)" in said.stdout, said.stderr


@needs_coturn
async def test_tls_is_refused_by_a_caller_that_does_not_trust_the_cloud_s_authority(relay: Relay) -> None:
    server = servers_for(relay, "turn-0")[0]
    with pytest.raises(ssl.SSLCertVerificationError):
        async with allocation(server, server["Uris"][2], trust=ssl.create_default_context()):
            pass


@needs_coturn
async def test_wrong_and_expired_credentials_get_no_allocation(relay: Relay) -> None:
    server = servers_for(relay, "turn-0")[0]
    expired = servers_for(relay, "turn-0", seconds_later=-301)[0]
    for credentials in (
        {"password": "wrong"},
        {"username": server["Username"].replace("turn-0", "turn-1")},
        {"username": f"{int(time.time()) + 9999}:turn-0"},
        {"username": expired["Username"], "password": expired["Password"]},
    ):
        with pytest.raises(TransactionFailed, match="401"):
            async with allocation(server, server["Uris"][0], trust=relay.trust, **credentials):
                pass


@needs_coturn
async def test_a_channel_has_fifty_allocations_at_a_time_whatever_credentials_and_server(relay: Relay) -> None:
    servers = [*servers_for(relay, "turn-0"), *servers_for(relay, "turn-0", seconds_later=60)]
    other = servers_for(relay, "turn-1")[0]
    async with AsyncExitStack() as held:
        for number in range(50):
            server = servers[number % len(servers)]
            await held.enter_async_context(allocation(server, server["Uris"][0], trust=relay.trust))
        for server in servers:
            with pytest.raises(TransactionFailed, match="486"):
                async with allocation(server, server["Uris"][0], trust=relay.trust):
                    pass
        async with allocation(other, other["Uris"][0], trust=relay.trust):
            pass


@needs_coturn
async def test_neither_log_nor_arguments_hold_a_secret(relay: Relay) -> None:
    server = servers_for(relay, "turn-0")[0]
    secret = relay.coturn.servers().secret
    arguments = arguments_of(coturn_pid(relay.directory))
    async with allocation(server, server["Uris"][0], trust=relay.trust):
        pass
    relay.coturn.stop()
    said = relay.coturn.log_file.read_text() + arguments
    assert "turnserver.conf" in said
    assert secret not in said
    assert server["Password"] not in said
    settings = relay.directory / "turnserver.conf"
    assert secret in settings.read_text()
    assert settings.stat().st_mode & 0o077 == 0


@needs_coturn
def test_a_coturn_that_has_ended_is_told_and_stopping_it_again_is_no_error(relay: Relay) -> None:
    relay.coturn.servers()
    with ending(coturn_pid(relay.directory)):
        os.kill(coturn_pid(relay.directory), signal.SIGKILL)
    with pytest.raises(ServiceError, match=f"coturn has ended: see {relay.coturn.log_file}"):
        relay.coturn.servers()
    relay.coturn.stop()


@needs_coturn
def test_stopping_ends_the_process(relay: Relay) -> None:
    relay.coturn.servers()
    with ending(coturn_pid(relay.directory)):
        relay.coturn.stop()


def test_a_coturn_that_does_not_come_up_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "turnserver"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ServiceError, match=r"coturn did not listen on 127.0.0.1:\d+ .* see .*coturn.log"):
        make_relay(tmp_path).coturn.servers()


@needs_coturn
def test_coturn_does_not_outlive_a_cloud_that_is_killed(tmp_path: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT, stdout=subprocess.PIPE)
    assert killed.stdout
    assert killed.stdout.readline() == b"started\n"
    with ending(coturn_pid(tmp_path)):
        killed.kill()
        killed.wait()
        killed.stdout.close()


def test_without_the_package_the_error_names_it_and_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match="package coturn, which is missing: run `make packages`") as error:
        make_relay(tmp_path).coturn.servers()
    assert error.value.code.code == "InternalFailure"
