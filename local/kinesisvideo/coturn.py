"""The TURN server behind the channels: a real coturn on loopback, one process that listens on two ports.

Source of its settings: https://github.com/coturn/coturn/blob/4.6.1/examples/etc/turnserver.conf
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from local.aws_http.errors import ServiceError
from local.kinesisvideo.credentials import TurnServers
from local.kinesisvideo.errors import KinesisVideoCode
from local.processes import DIE_WITH_PARENT

START_SECONDS = 5.0
STOP_SECONDS = 5.0
ALLOCATIONS_PER_CHANNEL = 50
# Above the ports that the kernel gives to clients; coturn itself goes past those that are taken.
RELAY_PORTS = range(61_000, 65_536)
HOST = "127.0.0.1"
_POLL_SECONDS = 0.005


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """The files, in PEM, of a certificate for 127.0.0.1 and of its private key."""

    certificate: Path
    key: Path


class Coturn:
    """Starts with the first `servers()`, in tens of milliseconds; `directory` gets its settings and its log."""

    def __init__(self, *, directory: Path, key_pair: KeyPair) -> None:
        self.log_file = directory / "coturn.log"
        self._directory = directory
        self._key_pair = key_pair
        self._process: subprocess.Popen[bytes] | None = None
        self._servers: TurnServers | None = None

    def servers(self) -> TurnServers:
        """Return where coturn listens; InternalFailure when it is not installed or has ended."""
        if self._servers is None:
            self._servers = self._start()
        if self._process is None or self._process.poll() is not None:
            raise _failure(f"coturn has ended: see {self.log_file}")
        return self._servers

    def stop(self) -> None:
        """End the process, if one was started."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> TurnServers:
        program = shutil.which("turnserver")
        if program is None:
            raise _failure("TURN needs Debian's package coturn, which is missing: run `make packages`, then retry")
        ports, secret = (_free_port(), _free_port()), secrets.token_urlsafe(32)
        self._directory.mkdir(parents=True, exist_ok=True)
        settings = self._directory / "turnserver.conf"
        with open(settings, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(self._settings(ports=ports, secret=secret))
        self._process = subprocess.Popen(
            [*DIE_WITH_PARENT, program, "-c", settings],
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for port in ports:
                self._wait_until_listening(port)
        except ServiceError:
            self.stop()
            raise
        return TurnServers(addresses=tuple(f"{HOST}:{port}" for port in ports), secret=secret)

    def _settings(self, *, ports: tuple[int, int], secret: str) -> str:
        """Each port takes UDP, DTLS, TCP and TLS, which coturn tells apart by themselves; the secret is only here."""
        plain, tls = ports
        return f"""\
listening-ip={HOST}
relay-ip={HOST}
listening-port={plain}
tls-listening-port={tls}
min-port={RELAY_PORTS.start}
max-port={RELAY_PORTS.stop - 1}
cert={self._key_pair.certificate}
pkey={self._key_pair.key}
realm=embedded-cloud
use-auth-secret
static-auth-secret={secret}
user-quota={ALLOCATIONS_PER_CHANNEL}
allow-loopback-peers
no-multicast-peers
no-cli
no-rfc5780
userdb={self._directory}/turndb
pidfile={self._directory}/coturn.pid
log-file={self.log_file}
simple-log
no-stdout-log
"""

    def _wait_until_listening(self, port: int) -> None:
        """Wait for TCP, which coturn listens on after UDP."""
        deadline = time.monotonic() + START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((HOST, port), timeout=START_SECONDS).close()
            except ConnectionRefusedError:
                time.sleep(_POLL_SECONDS)
            else:
                return
        raise _failure(f"coturn did not listen on {HOST}:{port} within {START_SECONDS:g} s: see {self.log_file}")


def _failure(what: str) -> ServiceError:
    return ServiceError(KinesisVideoCode.INTERNAL_FAILURE, what)


def _free_port() -> int:
    """Return a port that is free for both UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((HOST, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
            return port
