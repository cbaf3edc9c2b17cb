"""An agent that answers every invocation with who it is: its caller identity, and what its template gave it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3


class Agent(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({"status": "Healthy"})

    def do_POST(self) -> None:
        identity = boto3.client("sts", region_name=os.environ["AWS_REGION"]).get_caller_identity()
        shown = {name: os.environ.get(name) for name in os.environ.get("SHOW", "").split()}
        greeting = os.environ.get("GREETING")
        self._answer({"greeting": greeting, "identity": identity["Arn"], "folder": os.getcwd(), "shown": shown})

    def _answer(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Agent).serve_forever()
