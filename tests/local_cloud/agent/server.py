"""An agent that answers every invocation with who it is: its caller identity, and what its template gave it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3


class Agent(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({"status": "Healthy"})

    def do_POST(self) -> None:
        identity = boto3.client("sts", region_name=os.environ["AWS_REGION"]).get_caller_identity()
        self._answer({"greeting": os.environ.get("GREETING"), "identity": identity["Arn"], "folder": os.getcwd()})

    def _answer(self, value: dict[str, str | None]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Agent).serve_forever()
