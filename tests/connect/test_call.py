"""A whole WebRTC call through the API, nothing replaced inside: KVS, Secrets Manager and AgentCore are stand-ins."""

from collections.abc import Iterator

import pytest

from connect.turn import kvs
from tests.connect.aws_stub import running
from tests.connect.conftest import PC_ID, Function, agent_says
from tests.connect.sdp_samples import aiortc_exchange
from tests.connect.test_candidates import of, trickle
from tests.connect.test_offer import BODY
from tests.connect.turn.cloud import TurnCloud
from tests.connect.turn.conftest import SOURCES


@pytest.fixture
def cloud() -> Iterator[TurnCloud]:
    stub = TurnCloud()
    with running(stub):
        yield stub


@pytest.fixture
def deployed(function: Function, cloud: TurnCloud, monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setattr(kvs, "_pool", kvs.ChannelPool())
    endpoints = ("SECRETS_MANAGER", "BEDROCK_AGENTCORE", "KINESIS_VIDEO")
    variables = {"SWITCHBOARD_TRANSPORTS": "webrtc", **{f"AWS_ENDPOINT_URL_{name}": cloud.url for name in endpoints}}
    for name, value in {**SOURCES["kvs"], **variables}.items():
        monkeypatch.setenv(name, value)
    cloud.invocations = [
        agent_says({"sdp": aiortc_exchange().answer, "type": "answer", "pc_id": PC_ID}),
        agent_says({}),
        agent_says({"sdp": aiortc_exchange().answer, "type": "answer", "pc_id": PC_ID}),
    ]
    return function


def test_one_get_ice_server_config_serves_caller_and_agent(
    deployed: Function, cloud: TurnCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = deployed.start_webrtc(agent_body={"brain": "echo"})
    assert deployed.offer(started.path_id, BODY).body["pc_id"] == PC_ID
    assert deployed.trickle(started.path_id, trickle(of(), of(""))).status == 204
    assert len(cloud.ice_requests) == 1, "in all"

    monkeypatch.setenv("SWITCHBOARD_ICE_REUSE_SECONDS", "0")
    deployed.module.cached_settings.cache_clear()
    renewed = deployed.renew(started.path_id)
    restart = {**BODY, "pc_id": PC_ID, "restart_pc": True}
    assert deployed.offer(renewed.path_id, restart).status == 200
    assert deployed.stop(renewed.path_id).status == 204
    assert len(cloud.ice_requests) == 2

    offer, candidates, again = (request.message for request in cloud.invoke_requests)
    assert offer["iceServers"] == started.body["iceConfig"]["iceServers"]
    assert again["iceServers"] == renewed.body["iceConfig"]["iceServers"]
    assert offer["body"] == again["body"] == {"brain": "echo"}
    assert (again["pcId"], again["restart"], candidates["pcId"]) == (PC_ID, True, PC_ID)
    sessions = {request.headers["x-amzn-bedrock-agentcore-runtime-session-id"] for request in cloud.invoke_requests}
    assert sessions == {started.session_id}
