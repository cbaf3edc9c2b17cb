"""A certificate authority of the embedded cloud's own, and the cloud's certificate, made anew at each start."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=365)
HOST = ipaddress.ip_address("127.0.0.1")
PAGES = "*.cloudfront.localhost"
LOAD_BALANCERS = "*.elb.localhost"
# Names that templates give to load balancers; nothing in the world resolves them (RFC 6761, section 6.2).
OWN_NAMES = "*.switchboard.test"


def make_certificates(*, certificate: Path, key: Path, bundle: Path, authority_file: Path | None = None) -> None:
    """Write a certificate, its key, and a bundle of this machine's authorities and the cloud's own.

    The certificate is for 127.0.0.1 and the names of distributions and load balancers. `authority_file` gets the
    authority alone, which is what a browser wants; the authority's key is kept nowhere, so that nothing else can ever
    be signed with it.
    """
    authority_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    certificate.write_bytes(_pem(_certificate(own_key, authority=authority, authority_key=authority_key)))
    key.touch(mode=0o600)
    key.write_bytes(
        own_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    bundle.write_bytes(_trusted_already() + b"\n" + _pem(authority))
    if authority_file:
        authority_file.write_bytes(_pem(authority))


def _trusted_already() -> bytes:
    """Return what SSL_CERT_FILE names, else what this machine trusts, else Mozilla's list."""
    return Path(ssl.get_default_verify_paths().cafile or certifi.where()).read_bytes()


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Embedded cloud")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    return (
        _builder(subject=name, issuer=name, key=key, issuer_key=key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False, **usage),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )


def _certificate(
    key: ec.EllipticCurvePrivateKey, *, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(HOST))])
    names = [x509.IPAddress(HOST), *(x509.DNSName(each) for each in (PAGES, LOAD_BALANCERS, OWN_NAMES))]
    return (
        _builder(subject=name, issuer=authority.subject, key=key, issuer_key=authority_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """Return what both have; Python's strict verification asks for the key identifiers (RFC 5280, section 4.2.1)."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
