import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.certificates import make_certificates
from shared.https_request import HttpResponse, UnreachableError, post, request
from tests.connect.aws_stub import Reply
from tests.connect.turn.cloud import TurnCloud

PATH = "/v1/turn/keys/1/credentials/generate-ice-servers"


def ask(url: str) -> HttpResponse:
    return post(url=url, headers={"Authorization": "Bearer example"}, body=b"{}", timeout_seconds=0.3)


def test_an_answer_of_any_status_is_handed_over_and_kept_out_of_sight(cloud: TurnCloud) -> None:
    cloud.broker = Reply(status=418, body=b'{"credential": "minted-EXAMPLE"}')

    response = ask(cloud.url + PATH)

    assert (response.status, response.body) == (418, b'{"credential": "minted-EXAMPLE"}')
    assert "minted-EXAMPLE" not in repr(response)
    assert cloud.broker_requests[0].headers["authorization"] == "Bearer example"


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(hang="before"), "ReadTimeoutError"),
        (Reply(hang="within"), "ReadTimeoutError"),
        (Reply(body=b" " * 64 * 1024), None),
        (Reply(body=b" " * (64 * 1024 + 1)), "ResponseTooLarge"),
    ],
)
def test_an_answer_has_its_time_and_its_size(cloud: TurnCloud, reply: Reply, cause: str | None) -> None:
    cloud.broker = reply
    if cause is None:
        assert len(ask(cloud.url + PATH).body) == 64 * 1024
        return
    with pytest.raises(UnreachableError, match=f"^{cause}$"):
        ask(cloud.url + PATH)


def test_nobody_there() -> None:
    with pytest.raises(UnreachableError, match=r"^EndpointConnectionError$") as raised:
        ask("http://127.0.0.1:9")
    assert not raised.value.sent, "so that nothing can have come of it"


@pytest.mark.parametrize("reply", [Reply(hang="before"), Reply(hang="within"), Reply(body=b" " * (64 * 1024 + 1))])
def test_what_became_of_a_request_that_was_sent_is_not_known(cloud: TurnCloud, reply: Reply) -> None:
    cloud.broker = reply
    with pytest.raises(UnreachableError) as raised:
        ask(cloud.url + PATH)
    assert raised.value.sent


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("GET", b"", None), ("DELETE", b"", "0"), ("PUT", b"{}", "2"), ("PATCH", b"{}", "2"), ("POST", b"", "0")],
)
def test_any_method_is_sent_as_it_is(method: str, body: bytes, length: str | None) -> None:
    asked: list[tuple[str, str, str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("content-length")
            asked.append((self.command, self.path, given, self.rfile.read(int(given or 0))))
            self.send_response(204)
            self.end_headers()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1/calls?a=%2B1"
    response = request(method=method, url=url, headers={"Accept": "*/*"}, body=body, timeout_seconds=5)
    thread.join()
    server.server_close()

    assert response.status == 204
    assert asked == [(method, "/v1/calls?a=%2B1", length, body)]


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A TLS server whose certificate no public authority has signed: its URL, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificates(certificate=certificate, key=key, bundle=tmp_path / "bundle.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_server_that_nobody_vouches_for_gets_no_token(stranger: tuple[str, list[str]]) -> None:
    url, asked = stranger

    with pytest.raises(UnreachableError, match=r"^SSLError$"):
        ask(url)
    assert not asked
