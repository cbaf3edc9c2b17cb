"""Two coturn servers that booted as instances do, on an internet made of network namespaces."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.networks.fixtures import skipping_where_not_permitted
from tests.networks.lab import Lab, open_lab
from tests.turn.instance import REALM, Instance, World, boot
from tests.turn.internet import SERVERS, Internet, open_internet


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Files in PEM; the certificate is its own authority."""

    path: Path
    key: Path

    def secret(self) -> dict[str, str]:
        return {"certificate": self.path.read_text(), "privateKey": self.key.read_text()}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    made = Certificate(path=folder / "certificate.pem", key=folder / "key.pem")
    kind = ["-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subject = [
        "-subj",
        f"/CN={REALM}",
        "-addext",
        f"subjectAltName=DNS:{REALM},{','.join(f'IP:{ip}' for ip in SERVERS)}",
    ]
    command = ["openssl", "req", *kind, *subject, "-out", str(made.path), "-keyout", str(made.key)]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    with skipping_where_not_permitted(pytestconfig), open_lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def internet(lab: Lab) -> Iterator[Internet]:
    with open_internet(lab) as internet:
        yield internet


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> World:
    folder = tmp_path_factory.mktemp("world") / "aws"
    return World(folder, addresses=dict.fromkeys(SERVERS, 0), certificate=certificate.secret())


@pytest.fixture(scope="session")
def servers(
    internet: Internet, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Instance]]:
    """The booted instances by public address: the first to boot takes the first address."""
    folder = tmp_path_factory.mktemp("servers")
    booted: dict[str, Instance] = {}
    with ExitStack() as stack:
        for number, (public, private) in enumerate(SERVERS.items()):
            booted[public] = stack.enter_context(
                boot(
                    internet.servers[public],
                    world=world,
                    instance_id=f"i-{number:017x}",
                    private_address=private,
                    disk=folder / str(number),
                    user_data=world.user_data(),
                )
            )
            assert booted[public].code == 0, booted[public].boot_log
        yield booted
