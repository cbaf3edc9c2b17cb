import json
import re

import pytest
from aiortc.sdp import candidate_from_sdp
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connect.session_id import new_session_id
from messages import IceCandidates, read_message
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import PC_ID, SESSION_KEY, Function, agent_says
from tests.connect.sdp_samples import CHROMIUM_OFFER, aiortc_exchange

HOST = "candidate:2971440512 1 udp 2122194687 192.0.2.2 53934 typ host generation 0 ufrag kRf4 network-id 1"
END = ""
REAL = (
    HOST,
    "candidate:1 1 UDP 2015363327 192.0.2.9 5000 typ srflx raddr 0.0.0.0 rport 0",
    "candidate:842163049 1 tcp 1518283007 2001:db8::2 9 typ host tcptype active generation 0 network-cost 999",
    "candidate:4 1 udp 41885439 198.51.100.7 50005 typ relay raddr 203.0.113.4 rport 62001 generation 0",
    "candidate:5 1 udp 2113937151 7b6ae2a4-9f1c-4bd4-9d3c-0d0a2d8f5a51.local 50110 typ host",
    *re.findall(r"candidate:[^\r\n]+", CHROMIUM_OFFER + aiortc_exchange().offer),
)
OWN_SESSION = new_session_id(key=SESSION_KEY.encode(), subject="ann")
many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def of(candidate: object = HOST, **places: object) -> dict[str, object]:
    return {"candidate": candidate, "sdp_mid": "0", "sdp_mline_index": 0, **places}


def trickle(*candidates: object) -> dict[str, object]:
    return {"pc_id": PC_ID, "candidates": list(candidates)}


@pytest.fixture(autouse=True)
def agent(aws: AwsStub, webrtc: Function) -> None:
    aws.invocations = [agent_says({})]


def test_the_agent_gets_the_candidates_under_their_own_names(webrtc: Function, aws: AwsStub) -> None:
    started = webrtc.start_webrtc()

    answered = webrtc.trickle(started.path_id, trickle(of(HOST), of(END, sdp_mid=None, sdp_mline_index=None)))

    assert (answered.status, answered.body) == (204, {})
    (request,) = aws.invoke_requests
    assert isinstance(read_message(request.body), IceCandidates), "in the agent's own eyes"
    assert request.message == {
        "type": "ice-candidates",
        "pcId": PC_ID,
        "candidates": [
            {"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0},
            {"candidate": "", "sdpMid": None, "sdpMLineIndex": None},
        ],
    }
    assert request.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == started.session_id


@pytest.mark.parametrize("candidate", REAL)
def test_real_candidates_pass(webrtc: Function, candidate: str) -> None:
    candidate_from_sdp(candidate.removeprefix("candidate:"))  # what an agent reads them with

    assert webrtc.trickle(OWN_SESSION, trickle(of(candidate))).status == 204


def test_a_browser_with_many_interfaces_and_urls_sends_all_at_once(webrtc: Function) -> None:
    assert webrtc.trickle(OWN_SESSION, trickle(*[of(REAL[3] + " ufrag kRf4 network-id 2")] * 120)).status == 204


@pytest.mark.parametrize("places", [{"sdp_mid": None}, {"sdp_mline_index": None}, {"sdp_mline_index": 255}])
def test_one_of_both_places_will_do(webrtc: Function, places: dict[str, object]) -> None:
    assert webrtc.trickle(OWN_SESSION, trickle(of(**places))).status == 204


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"candidates": [of()]}, 400, "invalid_type", "pc_id must be of type string; got null"),
        ({**trickle(of()), "pc_id": ""}, 400, "invalid_pc_id", ""),
        ({"pc_id": PC_ID}, 400, "invalid_type", "candidates must be of type array; got null"),
        (trickle(), 400, "invalid_candidates", "there are 0; 1 to 256"),
        (trickle(*[of()] * 257), 400, "invalid_candidates", "there are 257; 1 to 256"),
        (trickle(HOST), 400, "invalid_type", "each of candidates must be of type object"),
        (trickle(of(None)), 400, "invalid_type", "candidate must be of type string"),
        (trickle(of(usernameFragment="a")), 400, "unknown_field", '"usernameFragment" in a candidate'),
        (trickle(of(HOST + " x" * 220)), 400, "invalid_candidates", "too long"),
        (trickle(of("a=" + HOST)), 400, "invalid_candidates", "RFC 8839"),
        (trickle(of(HOST + "\n")), 400, "invalid_candidates", "RFC 8839"),
        (trickle(of(HOST + " odd")), 400, "invalid_candidates", "RFC 8839"),
        (trickle(of(HOST.replace("typ host", "typ guest"))), 400, "invalid_candidates", "RFC 8839"),
        (trickle(of(HOST.replace("53934", "port"))), 400, "invalid_candidates", "RFC 8839"),
        (trickle(of(sdp_mid=None, sdp_mline_index=None)), 400, "invalid_candidates", "names no media section"),
        (trickle(of(sdp_mid="")), 400, "invalid_candidates", "sdp_mid"),
        (trickle(of(sdp_mid="x" * 65)), 400, "invalid_candidates", "sdp_mid"),
        (trickle(of(sdp_mid=0)), 400, "invalid_type", "sdp_mid must be of type string; got number"),
        (trickle(of(sdp_mline_index=-1)), 400, "invalid_candidates", "0 to 255"),
        (trickle(of(sdp_mline_index=256)), 400, "invalid_candidates", "0 to 255"),
        (trickle(of(sdp_mline_index=0.5)), 400, "invalid_type", "must be of type integer; got number"),
        (trickle(of(sdp_mline_index=True)), 400, "invalid_type", "must be of type integer; got boolean"),
        ({**trickle(of()), "sdp": ""}, 400, "unknown_field", '"sdp"'),
        (trickle(of("x" * 66_000)), 413, "request_too_large", "at most 65536"),
    ],
)  # fmt: skip
def test_each_bad_one_has_its_own_answer_and_never_reaches_the_agent(
    webrtc: Function, aws: AwsStub, body: object, status: int, code: str, says: str
) -> None:
    answered = webrtc.trickle(OWN_SESSION, body)

    assert (answered.status, answered.code) == (status, code)
    assert says in answered.body["error"]["message"]
    assert not aws.invoke_requests


@many
@given(text=st.text(min_size=1) | st.from_regex(r"candidate:[ -~]{0,80}", fullmatch=True))
def test_what_reaches_the_agent_can_be_read_there(webrtc: Function, aws: AwsStub, text: str) -> None:
    aws.invoke_requests.clear()

    answered = webrtc.trickle(OWN_SESSION, trickle(of(text)))

    assert answered.status in (204, 400)
    for request in aws.invoke_requests:
        candidate_from_sdp(request.message["candidates"][0]["candidate"].removeprefix("candidate:"))


def test_another_callers_session_is_left_alone(webrtc: Function, aws: AwsStub) -> None:
    answered = webrtc.trickle(webrtc.start_webrtc().path_id, trickle(of()), subject="bob")

    assert (answered.status, answered.code) == (403, "not_your_session")
    assert not aws.invoke_requests


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (agent_says({"error": {"code": "unknown_connection", "message": "x"}}), 404, "unknown_connection"),
        (Reply(status=424), 502, "agent_failed"),
        (Reply(status=429), 503, "agentcore_busy"),
        (Reply(status=500), 502, "agentcore_failed"),
        (Reply(body=b"no JSON"), 502, "agent_failed"),
    ],
)
def test_what_goes_wrong_behind_it_is_told(
    webrtc: Function, aws: AwsStub, reply: Reply, status: int, code: str
) -> None:
    aws.invocations = [reply]

    answered = webrtc.trickle(OWN_SESSION, trickle(of()))

    assert (answered.status, answered.code) == (status, code)


def test_a_conflict_is_tried_again(webrtc: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.invoke._FIRST_WAIT_SECONDS", 0.0)
    aws.invocations = [Reply(status=409), agent_says({})]

    assert webrtc.trickle(OWN_SESSION, trickle(of())).status == 204
    assert len(aws.invoke_requests) == 2


def test_they_are_counted(webrtc: Function, capfd: pytest.CaptureFixture[str]) -> None:
    webrtc.trickle(OWN_SESSION, trickle(of(), of()))

    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["CandidatesForwarded"] for line in printed if "CandidatesForwarded" in line] == [[1.0]]
