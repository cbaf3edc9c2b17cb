"""A real coturn as the embedded cloud starts it, with a channel's credentials for it."""

import os
import select
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.certificates import make_certificates
from local.kinesisvideo.coturn import Coturn, KeyPair

needs_coturn = pytest.mark.skipif(
    not shutil.which("turnserver"), reason="NOT RUN: Debian's package coturn is missing; `make packages` installs it"
)


@dataclass(frozen=True)
class Relay:
    """A coturn, its folder, and whom its callers trust."""

    coturn: Coturn
    directory: Path
    bundle: Path

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.bundle))


def make_relay(directory: Path) -> Relay:
    key_pair = KeyPair(certificate=directory / "certificate.pem", key=directory / "key.pem")
    bundle = directory / "ca-bundle.pem"
    make_certificates(certificate=key_pair.certificate, key=key_pair.key, bundle=bundle)
    return Relay(coturn=Coturn(directory=directory, key_pair=key_pair), directory=directory, bundle=bundle)


@contextmanager
def ending(pid: int) -> Iterator[None]:
    """Wait for the end of a process that lives when this begins."""
    handle = os.pidfd_open(pid)
    try:
        yield
        assert select.select([handle], [], [], 10)[0], f"{pid} still lives"
    finally:
        os.close(handle)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    relay = make_relay(tmp_path)
    yield relay
    relay.coturn.stop()
