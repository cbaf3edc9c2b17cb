"""coturn on the public segment, its certificate, and credentials for it."""

import base64
import hmac
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.networks.lab import Namespace, run
from tests.networks.topology import BEHIND_STRICT_ADDRESS, STRICT_ADDRESS, TURN_ADDRESSES
from tests.networks.waiting import wait_until

HOST_NAME = "turn.example"
SECRET = "the secret that the test networks share"
CREDENTIAL_SECONDS = 300  # as KVS has it

_STRICT_FRONT = Path(__file__).parent / "strict_turn.py"


@contextmanager
def turn_server(
    *, machine: Namespace, directory: Path, addresses: tuple[str, ...] = TURN_ADDRESSES, options: tuple[str, ...] = ()
) -> Iterator[None]:
    """coturn on UDP and TCP 3478 and on TLS and DTLS 443, until the end of the block.

    `directory` has the certificate, see `make_certificate`. With two addresses coturn answers RFC 5780 too, and so can
    tell what kind of NAT a client stands behind.
    """
    files = directory / addresses[0]
    files.mkdir()
    command = machine.command(
        "turnserver",
        "-n",  # no configuration file
        *(f"--listening-ip={address}" for address in addresses),
        f"--relay-ip={addresses[0]}",
        "--listening-port=3478",
        "--tls-listening-port=443",
        "--realm=turn.example",
        "--use-auth-secret",
        f"--static-auth-secret={SECRET}",
        f"--cert={directory / 'turn.pem'}",
        f"--pkey={directory / 'turn.key'}",
        "--no-cli",
        "--no-multicast-peers",
        "--fingerprint",
        f"--userdb={files / 'turn.sqlite'}",
        f"--pidfile={files / 'turn.pid'}",
        f"--log-file={files / 'turn.log'}",
        "--simple-log",
        "--verbose",
        *options,
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(machine, addresses), within=10)
            yield
        finally:
            process.kill()


@contextmanager
def strict_turn_server(*, machine: Namespace, directory: Path, options: tuple[str, ...] = ()) -> Iterator[None]:
    """A TURN server on UDP 3478 of STRICT_ADDRESS that refuses expired credentials always, not only at creation."""
    front = machine.command(sys.executable, str(_STRICT_FRONT), STRICT_ADDRESS, BEHIND_STRICT_ADDRESS)
    coturn = turn_server(machine=machine, directory=directory, addresses=(BEHIND_STRICT_ADDRESS,), options=options)
    with coturn, subprocess.Popen(front) as process:
        try:
            wait_until(lambda: f"{STRICT_ADDRESS}:3478" in _ports(machine), within=10)
            yield
        finally:
            process.kill()


def make_certificate(directory: Path) -> None:
    """Write turn.pem, which clients have to trust, and its key."""
    names = ",".join([f"DNS:{HOST_NAME}", *(f"IP:{address}" for address in TURN_ADDRESSES)])
    files = ["-out", str(directory / "turn.pem"), "-keyout", str(directory / "turn.key")]
    kind = ["-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    run(["openssl", "req", *kind, *files, "-subj", f"/CN={HOST_NAME}", "-addext", f"subjectAltName={names}"])


def credentials(*, valid_for: float = CREDENTIAL_SECONDS, secret: str = SECRET) -> dict[str, str]:
    """Username and credential as `use-auth-secret` takes them; expired ones with a negative time.

    https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
    """
    username = f"{int(time.time() + valid_for)}:test-networks"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return {"username": username, "credential": base64.b64encode(digest).decode()}


def _listens(machine: Namespace, addresses: tuple[str, ...]) -> bool:
    ports = _ports(machine)
    return all(f"{address}:{port}" in ports for address in addresses for port in (443, 3478))


def _ports(machine: Namespace) -> str:
    return machine.run("ss", "--no-header", "--listening", "--numeric", "--udp", "--tcp")
