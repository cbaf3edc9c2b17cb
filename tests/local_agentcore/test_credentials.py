"""The role credentials that an agent fetches, and who can't."""

import asyncio

import httpx
import pytest
from botocore.credentials import ContainerProvider

from tests.local_agentcore.cloud import SESSION_ID, VERSION, Cloud, eventually, hello

pytestmark = pytest.mark.asyncio(loop_scope="module")
URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


async def fetch(uri: str, token: str | None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(uri, headers={"Authorization": token} if token is not None else {})


async def test_botocore_finds_the_role_s_credentials_in_the_agent_s_environment(cloud: Cloud) -> None:
    environment = (await hello(cloud.presign()))["env"]
    provider = ContainerProvider(environ=environment)
    credentials = await asyncio.to_thread(provider.load)
    assert credentials is not None
    keys = await asyncio.to_thread(credentials.get_frozen_credentials)
    assert (keys.access_key, keys.secret_key, keys.token) == ("ASIAAGENT", "the agent's secret", "the agent's token")
    assert {role_arn for role_arn, _ in cloud.control_plane.fetched} == {VERSION.role_arn}


async def test_every_fetch_asks_for_fresh_credentials(cloud: Cloud) -> None:
    environment = (await hello(cloud.presign()))["env"]
    for _ in range(2):
        assert (await fetch(environment[URI], environment[TOKEN])).status_code == 200
    assert len(cloud.control_plane.fetched) == 2


async def test_only_the_process_itself_gets_credentials_and_only_while_it_lives(cloud: Cloud) -> None:
    own = (await hello(cloud.presign()))["env"]
    other = (await hello(cloud.presign(session_id="another-" + SESSION_ID)))["env"]
    for uri, token in [
        (own[URI], other[TOKEN]),
        (own[URI], own[TOKEN] + "x"),
        (own[URI], ""),
        (own[URI], None),
        (own[URI][:-1], own[TOKEN]),
    ]:
        answer = await fetch(uri, token)
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
        assert "ASIA" not in answer.text
    await cloud.stop()
    await eventually(lambda: len(cloud.running()) == 1)
    assert (await fetch(own[URI], own[TOKEN])).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_credentials_are_only_read(cloud: Cloud, method: str) -> None:
    environment = (await hello(cloud.presign()))["env"]
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request(method, environment[URI], headers={"Authorization": environment[TOKEN]})
    assert answer.status_code == 404
