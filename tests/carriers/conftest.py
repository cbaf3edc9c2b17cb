"""Certificates for what the stand-ins are tried against."""

import ssl

import pytest

from tests.models.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def trust(certificates: Certificates) -> ssl.SSLContext:
    """What a carrier trusts."""
    return ssl.create_default_context(cafile=certificates.bundle)
