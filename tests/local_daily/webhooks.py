"""A server that Daily asks for a room: it keeps what it was asked, and answers with a status of the test's."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Webhooks:
    """What was asked: headers with lower-case names, and the body."""

    url: str = ""
    status: int = 200
    asked: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)


@contextmanager
def webhook_server() -> Iterator[Webhooks]:
    webhooks = Webhooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            webhooks.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(webhooks.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        webhooks.url = f"http://127.0.0.1:{server.server_address[1]}/answer"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield webhooks
        finally:
            server.shutdown()
            thread.join()
