"""A small HTTP server: it says what it was given, echoes over an upgraded connection, and tells its signals."""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        match self.path:
            case "/health":
                self._answer({})
            case "/environment":
                self._answer(dict(os.environ) | {"cwd": os.getcwd(), "package": __package__ or ""})
            case "/identity":
                import boto3  # takes longer to load than all the rest needs to run

                self._answer({"arn": boto3.client("sts").get_caller_identity()["Arn"]})
            case "/echo":
                self._echo()
            case "/exit":
                os._exit(7)
            case _:
                self._answer({"version": os.environ["VERSION"], "pid": os.getpid(), "headers": dict(self.headers)})

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, value: Mapping[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _echo(self) -> None:
        self.send_response(101)
        self.send_header("Upgrade", "echo")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.wfile.write(f"{os.environ['VERSION']} {os.getpid()}\n".encode())
        while line := self.rfile.readline():
            self.wfile.write(line)


def tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def end(*_: object) -> None:
    tell("SIGTERM")
    if "STUBBORN" not in os.environ:
        threading.Thread(target=server.shutdown).start()


if "BROKEN" in os.environ:
    raise SystemExit("a word of the log")
signal.signal(signal.SIGTERM, end)
server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Server)
server.daemon_threads = True
server.serve_forever()
tell("ended by itself")
