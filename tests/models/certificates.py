"""TLS for the stand-ins: an authority of their own, which only the agents under test trust."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.certificates import make_certificates


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """A certificate for 127.0.0.1, its key, and a bundle of authorities with the one that made it."""

    certificate: Path
    key: Path
    bundle: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make them anew in a folder."""
        made = cls(certificate=folder / "certificate.pem", key=folder / "key.pem", bundle=folder / "authorities.pem")
        make_certificates(certificate=made.certificate, key=made.key, bundle=made.bundle)
        return made

    def server_context(self, *, alpn: Sequence[str]) -> ssl.SSLContext:
        """The context of a server that speaks these protocols (ALPN), as `h2`."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols([*alpn])
        return context

    def environment(self) -> dict[str, str]:
        """What lets a process trust them: Python and OpenSSL read the first, AWS's SDKs the second."""
        return {"SSL_CERT_FILE": str(self.bundle), "AWS_CA_BUNDLE": str(self.bundle)}
