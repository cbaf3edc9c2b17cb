import time

import pytest

from connect.turn import IceAnswer, IceServer
from shared.errors import ApiError
from tests.connect.aws_stub import AwsStub
from tests.connect.conftest import Function, IceSource
from tests.connect.test_offer import BODY

FRESH = IceServer(urls=("turn:fresh.example.com:443",), username="fresh", credential="fresh-credential")


def test_a_caller_gets_fresh_servers_for_the_same_session(webrtc: Function, aws: AwsStub, ice: IceSource) -> None:
    ice.answer = IceAnswer(servers=ice.answer.servers, expires_at=time.time() + 290)
    started = webrtc.start_webrtc(agent_body={"brain": "echo"})
    ice.answer = IceAnswer(servers=(FRESH,), expires_at=time.time() + 290)

    renewed = webrtc.renew(started.path_id)

    assert (renewed.status, set(renewed.body)) == (200, {"sessionId", "iceConfig"})
    assert renewed.body["iceConfig"] == {"iceServers": [FRESH.as_json()]}
    assert renewed.path_id.startswith(f"{started.session_id}.")
    assert renewed.path_id != started.path_id

    assert webrtc.offer(renewed.path_id, BODY).status == 200
    assert ice.asked == 2, "the new ticket holds the fresh ones"
    assert aws.invoke_requests[0].message["iceServers"] == [FRESH.as_json()]
    assert aws.invoke_requests[0].message["body"] == {"brain": "echo"}


def test_the_session_id_alone_will_do(webrtc: Function) -> None:
    assert webrtc.renew(webrtc.start_webrtc().session_id).status == 200


def test_another_callers_session_gets_none(webrtc: Function, ice: IceSource) -> None:
    path_id = webrtc.start_webrtc().path_id

    assert webrtc.renew(path_id, subject="bob").code == "not_your_session"
    assert webrtc.renew(path_id + ".x").code == "malformed_ticket"
    assert ice.asked == 1


def test_without_a_relay_it_says_so(webrtc: Function, ice: IceSource) -> None:
    path_id = webrtc.start_webrtc().path_id
    ice.fails = ApiError(status=503, code="turn_unavailable", message="No relay. Try again in a moment.")

    assert webrtc.renew(path_id).code == "turn_unavailable"


def test_it_is_counted(webrtc: Function, capfd: pytest.CaptureFixture[str]) -> None:
    webrtc.renew(webrtc.start_webrtc().path_id)

    assert '"IceServersRenewed":[1.0]' in capfd.readouterr().out


def test_the_deployments_own_source_is_asked(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing standing in for `connect.turn`."""
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "webrtc")
    monkeypatch.setenv("SWITCHBOARD_TURN_SOURCE", "none")

    started = function.start()

    assert started.body == {"sessionId": started.session_id, "iceConfig": {"iceServers": []}}
    assert function.renew(started.path_id).body == started.body
