"""The table's requests, put to the embedded cloud's emulator of DynamoDB: another's reading of the API than ours."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.aws_request import AwsUnreachableError, send_signed
from shared.call_table import EXPIRES, KEY, CallTable
from shared.credentials import Credentials

EMULATOR = Path(__file__).parents[3] / ".venv-cloud" / "bin" / "ministack"
CREDENTIALS = Credentials(access_key="test", secret_key="test")
NAME = "calls"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallTable]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directory = tmp_path_factory.mktemp("emulator")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    with (directory / "log").open("wb") as log:
        emulator = subprocess.Popen([EMULATOR], env=environment, cwd=directory, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        make_table(url, emulator=emulator)
        yield CallTable(name=NAME, region="eu-west-1", endpoint_url=url, credentials=CREDENTIALS)
    finally:
        emulator.terminate()
        emulator.wait(timeout=30)


def make_table(url: str, *, emulator: subprocess.Popen[bytes]) -> None:
    """As the stack makes it, as soon as the emulator answers."""
    definition = {
        "TableName": NAME,
        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    deadline = time.monotonic() + 60
    while True:
        try:
            response = send_signed(
                url=url,
                service="dynamodb",
                region="eu-west-1",
                credentials=CREDENTIALS,
                headers={
                    "Content-Type": "application/x-amz-json-1.0",
                    "X-Amz-Target": "DynamoDB_20120810.CreateTable",
                },
                body=json.dumps(definition).encode(),
            )
        except AwsUnreachableError:
            assert emulator.poll() is None, "the emulator has ended"
            assert time.monotonic() < deadline, "the emulator did not answer within a minute"
            time.sleep(0.05)
        else:
            assert response.status == 200
            return


def soon() -> int:
    return int(time.time()) + 600


def test_items_are_put_once_and_got(table: CallTable) -> None:
    expires = soon()

    assert table.get(key="a") is None
    assert table.put_once(key="a", expires=expires, values={"text": "ä", "empty": "", "number": 3})
    assert not table.put_once(key="a", expires=expires)
    assert table.get(key="a") == {KEY: "a", EXPIRES: expires, "text": "ä", "empty": "", "number": 3}


def test_an_expired_item_is_absent(table: CallTable) -> None:
    assert table.put_once(key="old", expires=int(time.time()) - 1)
    assert table.get(key="old") is None
    assert not table.update(key="old", values={"a": 1})
    assert table.put_once(key="old", expires=soon())


def test_updates_heed_their_conditions(table: CallTable) -> None:
    table.put_once(key="u", expires=soon(), values={"id": "", "rank": 3, "status": "queued"})

    assert table.update(key="u", values={"status": "ringing", "rank": 4}, one_of={"id": ("", "CA1")}, below={"rank": 4})
    assert not table.update(key="u", values={"status": "late"}, below={"rank": 4})
    assert not table.update(key="u", values={"status": "foreign"}, one_of={"id": ("CA2",)})
    assert not table.update(key="missing", values={"status": "made"})
    assert (table.get(key="u") or {})["status"] == "ringing"
    assert table.get(key="missing") is None


def test_a_counter_stops_at_its_limit(table: CallTable) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: table.count(key="rate", limit=5, expires=soon()), range(16)))

    assert sum(results) == 5
    assert (table.get(key="rate") or {})["n"] == 5


def test_a_deleted_item_is_gone(table: CallTable) -> None:
    table.put_once(key="d", expires=soon())
    table.delete(key="d")
    table.delete(key="d")

    assert table.get(key="d") is None
