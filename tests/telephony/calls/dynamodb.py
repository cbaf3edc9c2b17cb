"""A loopback server that plays DynamoDB: one table with the key `pk`, conditional writes one at a time.

It checks each signature and refuses every argument, operation and expression that the product isn't known to use. It
does not prove that DynamoDB accepts the same, nor how it behaves under load; tests/telephony/calls/test_emulator.py
asks another implementation. It never deletes what has expired: DynamoDB may be days late.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.connect.aws_stub import Received, Reply, Server
from tests.connect.sigv4 import header_signature_is_valid
from tests.telephony.calls.dynamodb_expressions import ExpressionError, Expressions, Item, Typed

_WRITE = {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}
_ARGUMENTS = {
    "PutItem": {"TableName", "Item", *_WRITE},
    "UpdateItem": {"TableName", "Key", "UpdateExpression", *_WRITE},
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "DeleteItem": {"TableName", "Key"},
}


class DynamoDb:
    """The table's items by key, and the names of all operations that were asked for, in order."""

    def __init__(self, *, table: str, secret_key: str) -> None:
        self.table = table
        self.secret_key = secret_key
        self.items: dict[str, Item] = {}
        self.operations: list[str] = []
        self.fails: dict[str, Reply] = {}
        """What an operation answers in place of its result."""
        self.fails_after: dict[str, Reply] = {}
        """The same, after it has been carried out."""
        self.url = ""
        self._lock = threading.Lock()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Answer nothing meanwhile."""
        with self._lock:
            yield

    def texts(self) -> str:
        """All that the table holds, to search in."""
        return json.dumps(self.items)

    def values(self, key: str) -> dict[str, Any]:
        """One item without its types."""
        return {name: int(typed["N"]) if "N" in typed else typed["S"] for name, typed in self.items[key].items()}

    def reply_to(self, received: Received) -> Reply:
        if not header_signature_is_valid(
            method="POST",
            target=received.target,
            headers=received.headers,
            body=received.body,
            secret_key=self.secret_key,
        ):
            return _error("InvalidSignatureException")
        if "/dynamodb/aws4_request" not in received.headers["authorization"]:
            return _error("InvalidSignatureException")
        if received.headers["content-type"] != "application/x-amz-json-1.0":
            return _error("SerializationException")
        operation = received.headers["x-amz-target"].removeprefix("DynamoDB_20120810.")
        with self._lock:
            self.operations.append(operation)
            if operation in self.fails:
                return self.fails[operation]
            reply = self._carry_out(operation=operation, arguments=received.message)
            return self.fails_after.get(operation, reply)

    def _carry_out(self, *, operation: str, arguments: dict[str, Any]) -> Reply:
        if arguments.get("TableName") != self.table:
            return _error("ResourceNotFoundException")
        if operation not in _ARGUMENTS or not arguments.keys() <= _ARGUMENTS[operation]:
            return _error("ValidationException", text=f"{operation} {sorted(arguments)}")
        try:
            return getattr(self, f"_{operation}")(arguments)  # type: ignore[no-any-return]
        except (ExpressionError, KeyError, ValueError) as error:
            return _error("ValidationException", text=repr(error))

    def _GetItem(self, arguments: Mapping[str, Any]) -> Reply:  # noqa: N802 - DynamoDB's own name
        if arguments.get("ConsistentRead") is not True:
            raise ValueError("a read that may be old is of no use here")
        item = self.items.get(_key(arguments["Key"]))
        return Reply(body=json.dumps({"Item": item} if item else {}).encode())

    def _DeleteItem(self, arguments: Mapping[str, Any]) -> Reply:  # noqa: N802 - DynamoDB's own name
        self.items.pop(_key(arguments["Key"]), None)
        return Reply()

    def _PutItem(self, arguments: Mapping[str, Any]) -> Reply:  # noqa: N802 - DynamoDB's own name
        new = {name: _checked(typed) for name, typed in arguments["Item"].items()}
        key = _key({"pk": new["pk"]})
        expressions = _expressions(arguments, item=self.items.get(key, {}))
        met = expressions.holds(arguments["ConditionExpression"])
        expressions.check_all_used()
        return self._write(key=key, item=new, met=met)

    def _UpdateItem(self, arguments: Mapping[str, Any]) -> Reply:  # noqa: N802 - DynamoDB's own name
        key = _key(arguments["Key"])
        if "pk" in arguments["ExpressionAttributeNames"].values():
            raise ValueError("the key can't be updated")
        expressions = _expressions(arguments, item=self.items.get(key, {}))
        met = expressions.holds(arguments["ConditionExpression"])
        new = expressions.updated(arguments["UpdateExpression"])
        expressions.check_all_used()
        return self._write(key=key, item={**new, "pk": {"S": key}}, met=met)

    def _write(self, *, key: str, item: Item, met: bool) -> Reply:
        if not met:
            return _error("ConditionalCheckFailedException")
        self.items[key] = item
        return Reply()


def _expressions(arguments: Mapping[str, Any], *, item: Item) -> Expressions:
    return Expressions(
        names=arguments["ExpressionAttributeNames"],
        values={name: _checked(typed) for name, typed in arguments["ExpressionAttributeValues"].items()},
        item=item,
    )


def _key(attributes: Mapping[str, Typed]) -> str:
    if list(attributes) != ["pk"] or list(attributes["pk"]) != ["S"] or not 1 <= len(attributes["pk"]["S"]) <= 2048:
        raise ValueError("the provided key element does not match the schema")
    return attributes["pk"]["S"]


def _checked(typed: Typed) -> Typed:
    if list(typed) == ["N"] and re.fullmatch(r"-?[0-9]{1,38}", typed["N"]):
        return typed
    if list(typed) == ["S"] and isinstance(typed["S"], str):
        return typed
    raise ValueError(f"no value that the table is known to hold: {typed}")


def _error(name: str, *, text: str = "") -> Reply:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": text}
    return Reply(status=400, body=json.dumps(body).encode(), headers={"content-type": "application/x-amz-json-1.0"})


@contextmanager
def running_dynamodb(table: DynamoDb) -> Iterator[DynamoDb]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = table.reply_to(Received(target=self.path, headers=headers, body=body))
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay silent: the tests look at everything that is printed."""

    server = Server(("127.0.0.1", 0), Handler)
    table.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield table
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
