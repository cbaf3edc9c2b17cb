"""A stream to the embedded cloud's AgentCore, which knows sessions and endpoints, and speaks no TLS."""

import json
from dataclasses import replace
from pathlib import Path

from websockets.asyncio.client import connect

from tests.local_agentcore.cloud import RUNTIME_ARN, VERSION, serve
from tests.relay.process import run_cloud, run_relay
from tests.relay.tokens import PHONE, mint, new_session_id

_CLOSE_CODE = 1_000
_PREFIX = "x-amzn-bedrock-agentcore-runtime-"
_HEADERS = frozenset({f"{_PREFIX}custom-phone", f"{_PREFIX}custom-body"})


async def test_a_stream_reaches_the_agent_of_its_session(tmp_path: Path) -> None:
    async with run_cloud(tmp_path) as own, serve(tmp_path / "logs") as cloud:
        cloud.control_plane.credential = own.credentials.find  # type: ignore[method-assign]
        cloud.control_plane.allowed = lambda **_: True  # type: ignore[method-assign]
        cloud.control_plane.endpoints["live"] = replace(VERSION, allowed_headers=_HEADERS)
        endpoint = {"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": cloud.base_url, "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN}
        async with run_relay(own, log=tmp_path / "log", **endpoint) as relay:
            session_id = new_session_id()
            url = f"ws://127.0.0.1:{relay.port}/streams/{mint(session_id=session_id, body='eyJhIjoxfQ')}"
            async with connect(url, proxy=None) as carrier:  # which offers compression
                headers = json.loads(await carrier.recv())["headers"]
                await carrier.send("hello")
                assert await carrier.recv() == "hello"
                await carrier.send(bytes(30_000))
                assert await carrier.recv() == bytes(30_000)
                await carrier.send("close 1000")
                await carrier.wait_closed()
                assert carrier.close_code == _CLOSE_CODE
    assert headers[f"{_PREFIX}session-id"] == session_id
    assert headers[f"{_PREFIX}custom-phone"] == PHONE
    assert headers[f"{_PREFIX}custom-body"] == "eyJhIjoxfQ"
    assert "authorization" not in headers
