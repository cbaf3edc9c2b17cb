"""Sessions and their processes: warm starts, versions, quotas, and every end of a session's life."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect

from local.agentcore import AgentCommand, Limits
from local.aws_http.errors import ServiceError
from tests.local_agentcore.cloud import (
    FAST,
    SESSION_ID,
    VERSION,
    Cloud,
    agent_pids,
    alive,
    eventually,
    hello,
    serve,
    version,
)

OTHER_ID = "another-" + SESSION_ID


async def test_a_new_session_takes_the_process_started_ahead_and_the_next_one_is_started(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=replace(FAST, refill_seconds=0)) as cloud:
        await cloud.data_plane.warm(VERSION)
        await cloud.data_plane.warm(VERSION)
        (warm,) = cloud.agent_pids()
        assert (await hello(cloud.presign()))["pid"] == warm
        await eventually(lambda: len(cloud.running()) == 2)
        (second,) = cloud.running() - {warm}
        assert (await hello(cloud.presign(session_id=OTHER_ID)))["pid"] == second
        await eventually(lambda: len(cloud.running()) == 3)


async def test_of_simultaneous_requests_of_a_new_session_one_begins_it_and_the_others_may_retry(
    fresh_cloud: Cloud,
) -> None:
    begins = asyncio.create_task(fresh_cloud.invoke({}))
    await eventually(lambda: any(fresh_cloud.log_dir.glob("*.log")))
    late = await asyncio.gather(fresh_cloud.invoke({}), fresh_cloud.stop(), return_exceptions=True)
    pid = (await begins)["pid"]

    assert [error.response["Error"]["Code"] for error in late if isinstance(error, ClientError)] == [
        "RetryableConflictException"
    ] * 2
    assert (await fresh_cloud.invoke({}))["pid"] == pid
    assert len(fresh_cloud.agent_pids()) == 1


async def test_a_session_keeps_its_version_and_a_new_one_takes_the_endpoint_s(fresh_cloud: Cloud) -> None:
    async with connect(fresh_cloud.presign(), proxy=None):
        own = fresh_cloud.agent_pids()
        await fresh_cloud.data_plane.warm(VERSION)
        (warm,) = fresh_cloud.agent_pids() - own
        fresh_cloud.control_plane.endpoints["live"] = version("2")
        assert (await hello(fresh_cloud.presign()))["version"] == "1"
        assert (await hello(fresh_cloud.presign(session_id=OTHER_ID)))["version"] == "2"
        assert alive(warm)
        await fresh_cloud.data_plane.warm(version("2"))
        await eventually(lambda: not alive(warm))


async def test_an_agent_gets_the_template_s_variables_and_little_else(
    fresh_cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the operator's")
    fresh_cloud.control_plane.endpoints["live"] = version(
        "1", SWITCHBOARD_PIPELINE="offline", PORT="1", AWS_REGION="eu-west-1"
    )
    environment = (await hello(fresh_cloud.presign()))["env"]
    assert environment.keys() - {"LC_CTYPE"} == {
        "PATH",
        "HOME",
        "LANG",
        "HOST",
        "PORT",
        "AGENT_VERSION",
        "SWITCHBOARD_PIPELINE",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    }
    assert environment["HOST"] == "127.0.0.1"
    assert (environment["AWS_REGION"], environment["AWS_ENDPOINT_URL"]) == ("us-east-1", fresh_cloud.base_url)
    assert os.access(environment["HOME"], os.W_OK)
    await fresh_cloud.data_plane.aclose()
    assert not os.access(environment["HOME"], os.F_OK)


async def test_an_agent_trusts_whom_the_cloud_says(tmp_path: Path) -> None:
    async with serve(tmp_path, ca_bundle=tmp_path / "ca-bundle.pem") as cloud:
        environment = (await cloud.invoke({}))["env"]
    assert environment["SSL_CERT_FILE"] == str(tmp_path / "ca-bundle.pem")


async def test_a_process_that_ends_at_its_start_is_a_runtime_client_error_that_names_its_log(
    fresh_cloud: Cloud,
) -> None:
    broken = version("1", AGENT_BROKEN="1")
    fresh_cloud.control_plane.endpoints["live"] = broken
    with pytest.raises(ServiceError, match="ended with code 1"):
        await fresh_cloud.data_plane.warm(broken)
    with pytest.raises(ClientError, match=r"RuntimeClientError.*voice-0123456789-v1-\w+\.log") as caught:
        await fresh_cloud.invoke({})
    assert "secret of the log" in fresh_cloud.logs()
    assert "secret" not in str(caught.value)


async def test_an_image_without_its_program_is_a_runtime_client_error(
    fresh_cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (
        AgentCommand(argv=["no-such-program"], cwd=Path("/")),
        AgentCommand(argv=["true"], cwd=Path("/missing")),
    ):
        monkeypatch.setattr(fresh_cloud.control_plane, "agent_command", lambda _, command=command: command)
        with pytest.raises(ClientError, match="RuntimeClientError"):
            await fresh_cloud.invoke({})


async def test_a_process_without_a_healthy_ping_in_time_is_ended(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=replace(FAST, start_seconds=1)) as cloud:
        cloud.control_plane.endpoints["live"] = version("1", AGENT_STATUS="healthy")
        with pytest.raises(ClientError, match="no healthy /ping within 1 s"):
            await cloud.invoke({})
        assert len(cloud.agent_pids()) == 1
        assert cloud.running() == set()


async def test_a_warm_process_that_died_is_not_handed_out(fresh_cloud: Cloud) -> None:
    await fresh_cloud.data_plane.warm(VERSION)
    (warm,) = fresh_cloud.agent_pids()
    os.kill(warm, signal.SIGKILL)
    await eventually(lambda: not alive(warm))
    assert (await hello(fresh_cloud.presign()))["pid"] != warm


async def test_messages_keep_a_session_and_without_them_it_ends_at_its_idle_time_out(fresh_cloud: Cloud) -> None:
    fresh_cloud.control_plane.endpoints["live"] = version("1", idle=1)
    async with connect(fresh_cloud.presign(), proxy=None) as websocket:
        await websocket.recv()
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            await websocket.send(b"x")
            await websocket.recv()
            await asyncio.sleep(0.1)
        assert len(fresh_cloud.running()) == 1
        await eventually(lambda: not fresh_cloud.running(), seconds=3)


LIVELY = [
    {"status": "HealthyBusy", "time_of_last_update": "now"},
    {"status": "HealthyBusy", "time_of_last_update": 1},
    {"status": "Healthy", "time_of_last_update": "now"},
]
IDLE = [{"status": "HealthyBusy"}, {"status": "Healthy", "time_of_last_update": 1}]


async def test_ping_decides_whether_a_session_without_traffic_lives(fresh_cloud: Cloud) -> None:
    fresh_cloud.control_plane.endpoints["live"] = version("1", idle=1)
    orders = [{"do": "ping", "answer": answer} for answer in (*LIVELY, *IDLE)]
    answers = await asyncio.gather(
        *(fresh_cloud.invoke(order, session_id=f"{SESSION_ID}-{number}") for number, order in enumerate(orders))
    )
    lively = {answer["pid"] for answer in answers[: len(LIVELY)]}
    await eventually(lambda: len(fresh_cloud.running()) == len(lively), seconds=5)
    await asyncio.sleep(1)  # one more idle time-out: nothing may happen in it
    assert fresh_cloud.running() == lively


async def test_a_call_in_the_background_keeps_its_session_until_it_ends(fresh_cloud: Cloud) -> None:
    fresh_cloud.control_plane.endpoints["live"] = version("1", idle=1)
    pid = (await fresh_cloud.invoke({"do": "call", "seconds": 2.5}))["pid"]
    began = time.monotonic()
    await eventually(lambda: not fresh_cloud.running())
    assert time.monotonic() - began >= 2.5

    again = await fresh_cloud.invoke({"do": "call", "seconds": 60})
    await fresh_cloud.stop()
    await eventually(lambda: not fresh_cloud.running())
    assert again["pid"] != pid


async def test_a_call_in_the_background_ends_at_the_maximum_lifetime(fresh_cloud: Cloud) -> None:
    fresh_cloud.control_plane.endpoints["live"] = version("1", idle=0.5, lifetime=1.5)
    await fresh_cloud.invoke({"do": "call", "seconds": 60})
    began = time.monotonic()
    await eventually(lambda: not fresh_cloud.running(), seconds=5)
    assert time.monotonic() - began >= 1


async def test_an_invocation_in_flight_keeps_its_session(fresh_cloud: Cloud) -> None:
    fresh_cloud.control_plane.endpoints["live"] = version("1", idle=1)
    pid = (await fresh_cloud.invoke({"do": "wait", "seconds": 1.5}))["pid"]
    assert (await fresh_cloud.invoke({}))["pid"] == pid


async def test_no_session_outlives_its_maximum_lifetime(fresh_cloud: Cloud) -> None:
    fresh_cloud.control_plane.endpoints["live"] = version("1", lifetime=0.6)
    await fresh_cloud.invoke({"do": "ping", "answer": {"status": "HealthyBusy", "time_of_last_update": "now"}})
    await eventually(lambda: not fresh_cloud.running(), seconds=3)


async def test_a_session_whose_agent_turns_unhealthy_ends(fresh_cloud: Cloud) -> None:
    await fresh_cloud.invoke({"do": "ping", "answer": {"status": "Sick"}})
    await eventually(lambda: not fresh_cloud.running(), seconds=3)


async def test_a_deleted_runtime_keeps_no_process(fresh_cloud: Cloud) -> None:
    await fresh_cloud.invoke({})
    await fresh_cloud.data_plane.warm(VERSION)
    assert len(fresh_cloud.running()) == 2
    fresh_cloud.control_plane.endpoints.clear()
    await eventually(lambda: not fresh_cloud.running(), seconds=3)


async def test_a_session_that_is_ending_is_a_retryable_conflict(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=replace(FAST, termination_seconds=1)) as cloud:
        cloud.control_plane.endpoints["live"] = version("1", AGENT_STUBBORN="1")
        await cloud.invoke({})
        await cloud.stop()
        with pytest.raises(ClientError, match="RetryableConflictException"):
            await cloud.invoke({})
        await eventually(lambda: not cloud.running(), seconds=3)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (replace(FAST, new_sessions_per_second=1), "ThrottlingException"),
        (replace(FAST, active_sessions=1), "ServiceQuotaExceededException"),
    ],
)
async def test_new_sessions_have_their_quotas_and_old_ones_don_t_count(
    tmp_path: Path, limits: Limits, code: str
) -> None:
    async with serve(tmp_path, limits=limits) as cloud:
        both = await asyncio.gather(cloud.invoke({}), cloud.invoke({}, session_id=OTHER_ID), return_exceptions=True)
        (refused,) = [answer for answer in both if isinstance(answer, ClientError)]
        assert refused.response["Error"]["Code"] == code
        (served,) = [answer for answer in both if isinstance(answer, dict)]
        session_id = served["headers"]["x-amzn-bedrock-agentcore-runtime-session-id"]
        assert (await cloud.invoke({}, session_id=session_id))["pid"] == served["pid"]


async def test_closing_ends_every_process_and_no_other_starts(fresh_cloud: Cloud) -> None:
    await asyncio.gather(fresh_cloud.invoke({}), fresh_cloud.invoke({}, session_id=OTHER_ID))
    await fresh_cloud.data_plane.warm(VERSION)
    fresh_cloud.control_plane.endpoints["live"] = version("2", AGENT_STATUS="never healthy")
    starting = asyncio.create_task(fresh_cloud.invoke({}, session_id="third-" + SESSION_ID))
    await eventually(lambda: len(fresh_cloud.running()) == 4)
    await fresh_cloud.data_plane.aclose()
    assert fresh_cloud.running() == set()
    with pytest.raises(ClientError, match="InternalServerException"):
        await starting
    started = fresh_cloud.agent_pids()
    with pytest.raises(ClientError, match="InternalServerException"):
        await fresh_cloud.invoke({})
    assert fresh_cloud.agent_pids() == started


async def test_no_agent_outlives_a_data_plane_that_is_killed(tmp_path: Path) -> None:
    script = "import asyncio; from tests.local_agentcore.cloud import serve_forever; asyncio.run(serve_forever())"
    root = Path(__file__).parents[2]
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(tmp_path), cwd=root)
    await eventually(lambda: len(agent_pids(tmp_path)) == 1)
    (agent,) = agent_pids(tmp_path)
    assert alive(agent)
    killed.kill()
    await killed.wait()
    await eventually(lambda: not alive(agent))
