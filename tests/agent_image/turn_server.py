"""coturn on loopback, for as long as a test needs it."""

import asyncio
import base64
import hmac
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agent_image.agent_process import until

SECRET = "a secret of the tests"


@dataclass(frozen=True, kw_only=True)
class TurnServer:
    """Where it listens. `certificate` is what a client has to trust for TLS."""

    address: str
    port: int
    tls_port: int
    certificate: Path
    process: asyncio.subprocess.Process

    async def die(self) -> None:
        self.process.kill()
        await self.process.wait()

    def ice_server(self, *ways: str, valid_for: float = 300, secret: str = SECRET) -> dict[str, Any]:
        """An ICE server with a URI for each way (`udp`, `tcp`, `tls`) and credentials that `use-auth-secret` takes."""
        return {"urls": [self.url(way) for way in ways], **credentials(valid_for=valid_for, secret=secret)}

    def url(self, way: str) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        if way == "tls":
            return f"turns:{host}:{self.tls_port}?transport=tcp"
        return f"turn:{host}:{self.port}?transport={way}"


def credentials(*, valid_for: float, secret: str = SECRET) -> Mapping[str, str]:
    username = f"{int(time.time() + valid_for)}:tests"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return {"username": username, "credential": base64.b64encode(digest).decode()}


def free_port() -> int:
    """A port that is free for UDP and TCP. It is below the ephemeral ports, so that nothing else takes it meanwhile."""
    for port in range(20_000 + time.time_ns() % 9_000, 32_000):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


@asynccontextmanager
async def run_turn_server(directory: Path, *, address: str = "127.0.0.1") -> AsyncIterator[TurnServer]:
    """It relays on 127.0.0.1, whatever the address at which it listens."""
    port, tls_port = free_port(), free_port()
    certificate, key = make_certificate(directory, address=address)
    options = ["-n", "-L", address, "-E", "127.0.0.1", "-p", str(port), "--tls-listening-port", str(tls_port)]
    options += ["--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "tests", "--fingerprint"]
    options += ["--cert", str(certificate), "--pkey", str(key), "--allow-loopback-peers", "--no-cli"]
    options += ["--userdb", str(directory / "turn.sqlite"), "--pidfile", str(directory / "turn.pid")]
    options += ["--log-file", str(directory / "turn.log"), "--simple-log", "--verbose", "--no-dtls"]
    with (directory / "turn.out").open("wb") as output:
        process = await asyncio.create_subprocess_exec("turnserver", *options, stdout=output, stderr=output)
    server = TurnServer(address=address, port=port, tls_port=tls_port, certificate=certificate, process=process)
    try:
        await until(lambda: _listens(server), within=10)
        yield server
    finally:
        if process.returncode is None:
            await server.die()


def make_certificate(directory: Path, *, address: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    certificate, key = directory / "turn.pem", directory / "turn.key"
    make = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-days",
        "2",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
    ]
    make += ["-out", str(certificate), "-keyout", str(key), "-subj", "/CN=turn"]
    subprocess.run([*make, "-addext", f"subjectAltName=IP:{address}"], check=True, capture_output=True)
    return certificate, key


async def _listens(server: TurnServer) -> bool:
    for port in (server.port, server.tls_port):
        try:
            _, writer = await asyncio.open_connection(server.address, port)
        except OSError:
            assert server.process.returncode is None
            return False
        writer.close()
    return True
