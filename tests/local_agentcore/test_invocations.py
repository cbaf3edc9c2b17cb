"""Invocations through the AWS SDK, and what becomes of an agent's failures."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local_agentcore.cloud import FAST, RUNTIME_ARN, SESSION_ID, Cloud, alive, eventually, serve
from tests.local_agentcore.test_signature import signed_headers

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_invocation_reaches_the_agent_of_its_session(cloud: Cloud) -> None:
    first, again, other = [
        await cloud.invoke({}, session_id=session_id)
        for session_id in (SESSION_ID, SESSION_ID, "another-" + SESSION_ID)
    ]
    assert first["headers"]["content-type"] == "application/json"
    assert first["headers"]["x-amzn-bedrock-agentcore-runtime-session-id"] == SESSION_ID
    assert not {"authorization", "x-amz-security-token", "x-amz-date"} & first["headers"].keys()
    assert first["pid"] == again["pid"] != other["pid"]


async def test_an_answer_is_streamed_as_it_comes(cloud: Cloud) -> None:
    body = json.dumps({"do": "stream", "count": 3}).encode()
    url, headers = signed_headers(cloud, body)
    loop = asyncio.get_running_loop()
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        http.stream("POST", url, content=body, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        arrivals = [(chunk, loop.time()) async for chunk in answer.aiter_text()]
    assert "".join(chunk for chunk, _ in arrivals) == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert arrivals[-1][1] - arrivals[0][1] > 0.3


@pytest.mark.parametrize("order", [{"do": "fail"}, {"do": "exit"}])
async def test_a_failing_agent_is_a_runtime_client_error_that_tells_nothing_of_it(
    cloud: Cloud, order: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        await cloud.invoke(order, session_id=f"failing-{order['do']}-{SESSION_ID}")
    assert caught.value.response["Error"]["Code"] == "RuntimeClientError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert re.search(r"voice-0123456789-v1-\w+\.log", str(caught.value))
    assert "secret" not in str(caught.value)


async def test_an_invocation_has_its_time_out(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=replace(FAST, invocation_seconds=0.3, termination_seconds=0.2)) as cloud:
        with pytest.raises(ClientError, match="RuntimeClientError"):
            await cloud.invoke({"do": "wait", "seconds": 30})


async def test_a_payload_has_its_limit(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=replace(FAST, max_payload_bytes=1000)) as cloud:
        with pytest.raises(ClientError, match="ValidationException"):
            await cloud.invoke({"fill": "x" * 1000})
        assert await cloud.invoke({"fill": "x" * 900})


async def test_a_caller_that_goes_away_ends_the_agent_s_work(cloud: Cloud) -> None:
    body = json.dumps({"do": "stream", "count": 1000}).encode()
    url, headers = signed_headers(cloud, body)
    async with httpx.AsyncClient(trust_env=False) as http, http.stream("POST", url, content=body, headers=headers):
        pass
    await eventually(lambda: "stream cut" in cloud.logs())


async def test_a_stopped_session_is_gone_and_may_begin_anew(cloud: Cloud) -> None:
    before = (await cloud.invoke({}))["pid"]
    await cloud.stop()
    with pytest.raises(ClientError) as caught:
        await cloud.stop()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    await eventually(lambda: not alive(before))
    assert (await cloud.invoke({}))["pid"] != before


async def test_stopping_needs_its_permission(cloud: Cloud) -> None:
    pid = (await cloud.invoke({}))["pid"]
    cloud.control_plane.permissions.remove(("bedrock-agentcore:StopRuntimeSession", RUNTIME_ARN))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        await cloud.stop()
    assert (await cloud.invoke({}))["pid"] == pid
