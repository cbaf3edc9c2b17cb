"""X-Ray's OTLP endpoint over HTTP: behind a proxy that answers for it with TLS, it verifies each request's signature.

Sources: https://opentelemetry.io/docs/specs/otlp/#otlphttp and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
It proves nothing about Transaction Search, sampling rules and the consoles that show the spans.
"""

import gzip
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.signature import verify
from tests.models.credentials import ContainerCredentialsEndpoint

REGION = "us-east-1"
HOST = f"xray.{REGION}.amazonaws.com"
_PATH = "/v1/traces"


@dataclass(frozen=True, kw_only=True)
class ExportedSpan:
    """A span as it came; ids in hexadecimal, `parent_id` empty for a root."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    failed: bool


@dataclass(kw_only=True)
class Collector:
    """Keeps the spans, and the bodies they came in; `hosts` are those that clients asked the proxy for.

    May be used from any thread.
    """

    certificate: Path
    credentials: ContainerCredentialsEndpoint
    spans: list[ExportedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    port: int = 0

    @classmethod
    @contextmanager
    def run(cls, *, folder: Path, credentials: ContainerCredentialsEndpoint) -> Iterator[Self]:
        """Serve on a free port of loopback, from a thread, until the end of the block; `folder` gets a certificate."""
        collector = cls(certificate=_make_certificate(folder / "xray.pem"), credentials=credentials)
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, collector)) as server:
            server.daemon_threads = True
            server.block_on_close = False
            collector.port = server.server_address[1]
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield collector
            finally:
                server.shutdown()
                thread.join()

    def environment(self) -> dict[str, str]:
        """The environment that leads OpenTelemetry's exporter here, whatever host it asks for."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "NO_PROXY": "127.0.0.1",
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": str(self.certificate),
        }

    def named(self, name: str) -> list[ExportedSpan]:
        """The spans of a name, in the order in which they came."""
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        """Keep what a request holds."""
        self.bodies.append(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _attributes(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans.extend(_span(span, resource=resource) for span in scope.spans)


def _make_certificate(path: Path) -> Path:
    """Write a key, and a certificate for the endpoint's name that nothing but itself vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    return path


def _span(span: Any, *, resource: dict[str, Any]) -> ExportedSpan:
    return ExportedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        resource=resource,
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, collector: Collector, *arguments: Any) -> None:
        self.collector = collector
        super().__init__(*arguments)

    def do_CONNECT(self) -> None:
        self.collector.hosts.append(self.path)
        if self.path != f"{HOST}:443":
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.collector.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self._verify(body)
        except ServiceError as error:
            self.collector.refusals.append(str(error))
            self._answer(HTTPStatus.FORBIDDEN, b"")
            return
        self.collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self._answer(HTTPStatus.OK, ExportTraceServiceResponse().SerializeToString())

    def _verify(self, body: bytes) -> None:
        if self.path != _PATH or self.headers["Content-Type"] != "application/x-protobuf":
            raise ServiceError(CommonCode.UNKNOWN_OPERATION, f"{self.path} {self.headers['Content-Type']}")
        request = HttpRequest.from_wire(
            method="POST",
            raw_path=self.path.encode(),
            query_string=b"",
            headers=[(name.encode(), value.encode()) for name, value in self.headers.items()],
            body=body,
        )
        verify(
            request,
            service="xray",
            region=REGION,
            find_credential=self.collector.credentials.find,
            now=datetime.now(UTC),
        )

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's signature
        """Print nothing."""
