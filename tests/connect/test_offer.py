import io
import json
import time
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connect.offer import BUDGET_SECONDS
from connect.session_id import new_session_id
from connect.turn import IceAnswer
from messages import Offer, read_message
from shared import aws_request
from shared.errors import ApiError
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import CALLERS_WORD, PC_ID, RELAY, SESSION_KEY, VARIABLES, Function, IceSource, agent_says
from tests.connect.fake_clock import FakeClock
from tests.connect.sdp_samples import CHROMIUM_OFFER, aiortc_exchange

BODY = {"sdp": CHROMIUM_OFFER, "type": "offer", "pc_id": None, "restart_pc": False}
OWN_SESSION = new_session_id(key=SESSION_KEY.encode(), subject="ann")
many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    for user in ("shared.invoke", "connect.offer"):
        monkeypatch.setattr(f"{user}.time", fake)
    return fake


def conflict(name: str = "RetryableConflictException") -> Reply:
    return Reply(status=409, headers={"x-amzn-errortype": name})


def agent_fails(code: object) -> Reply:
    return agent_says({"error": {"code": code, "message": f"candidate: {RELAY.credential}"}})


def answer_with(**changes: object) -> Reply:
    return agent_says({"sdp": aiortc_exchange().answer, "type": "answer", "pc_id": PC_ID, **changes})


def short_lived(*, seconds: float) -> IceAnswer:
    return IceAnswer(servers=(RELAY,), expires_at=time.time() + seconds)


@pytest.mark.parametrize("sdp", [CHROMIUM_OFFER, aiortc_exchange().offer])
def test_the_agent_gets_the_offer_and_the_caller_its_answer(webrtc: Function, aws: AwsStub, sdp: str) -> None:
    started = webrtc.start_webrtc(agent_body={"word": CALLERS_WORD})

    answered = webrtc.offer(started.path_id, {**BODY, "sdp": sdp})

    assert answered.status == 200
    assert answered.body == {"sdp": aiortc_exchange().answer, "type": "answer", "pc_id": PC_ID}
    (request,) = aws.invoke_requests
    assert isinstance(read_message(request.body), Offer), "in the agent's own eyes"
    assert request.message == {
        "type": "offer",
        "sdp": sdp,
        "pcId": None,
        "restart": False,
        "iceServers": [RELAY.as_json()],
        "body": {"word": CALLERS_WORD},
        "caller": "",
    }


def test_it_is_sent_as_the_service_model_says(webrtc: Function, aws: AwsStub) -> None:
    started = webrtc.start_webrtc()

    webrtc.offer(started.path_id, BODY)

    (request,) = aws.invoke_requests
    path, _, query = request.target.partition("?")
    assert unquote(path) == f"/runtimes/{VARIABLES['SWITCHBOARD_RUNTIME_ARN']}/invocations"
    assert path.count("/") == 3, "the ARN is one path segment"
    assert query == "qualifier=live"
    assert request.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == started.session_id
    assert "x-amzn-bedrock-agentcore-runtime-session-id" in request.headers["authorization"], "signed"
    assert (request.headers["content-type"], request.headers["accept"]) == ("application/json", "application/json")


def test_a_restart_names_its_connection(webrtc: Function, aws: AwsStub) -> None:
    webrtc.offer(webrtc.start_webrtc().path_id, {**BODY, "pc_id": PC_ID, "restart_pc": True})

    (request,) = aws.invoke_requests
    assert (request.message["pcId"], request.message["restart"]) == (PC_ID, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"restart_pc": True},  # the JavaScript transport, after a first offer that failed
        {"requestData": {"a": 1}, "restart_pc": None},
        {"request_data": [1]},
    ],
)
def test_what_pipecats_clients_add_does_no_harm(webrtc: Function, aws: AwsStub, changes: dict[str, object]) -> None:
    assert webrtc.offer(webrtc.start_webrtc().path_id, {**BODY, **changes}).status == 200
    assert aws.invoke_requests[0].message["restart"] is False
    assert aws.invoke_requests[0].message["body"] == {}


def test_one_request_for_ice_servers_serves_the_whole_call(webrtc: Function, aws: AwsStub, ice: IceSource) -> None:
    ice.answer = short_lived(seconds=290)
    started = webrtc.start_webrtc()

    for _ in range(2):
        assert webrtc.offer(started.path_id, BODY).status == 200
    webrtc.trickle(started.path_id, {"pc_id": PC_ID, "candidates": [{"candidate": ""}]})

    assert ice.asked == 1
    assert [request.message["iceServers"] for request in aws.invoke_requests[:2]] == [[RELAY.as_json()]] * 2


@pytest.mark.parametrize(("seconds", "asked"), [(31, 1), (29, 2), (-5, 2)])
def test_servers_that_are_about_to_end_are_asked_for_again(
    webrtc: Function, ice: IceSource, clock: FakeClock, seconds: float, asked: int
) -> None:
    ice.answer = IceAnswer(servers=(RELAY,), expires_at=clock.time() + seconds)

    assert webrtc.offer(webrtc.start_webrtc().path_id, BODY).status == 200
    assert ice.asked == asked


def test_a_ticket_without_servers_has_them_looked_up(webrtc: Function, aws: AwsStub, ice: IceSource) -> None:
    started = webrtc.start_webrtc(agent_body={"a": 1})

    webrtc.offer(started.path_id, BODY)

    assert ice.asked == 2
    assert aws.invoke_requests[0].message["iceServers"] == [RELAY.as_json()]


def test_the_session_id_alone_will_do(webrtc: Function, aws: AwsStub, ice: IceSource) -> None:
    ice.answer = short_lived(seconds=290)
    started = webrtc.start_webrtc(agent_body={"a": 1})

    assert webrtc.offer(started.session_id, BODY).status == 200
    assert ice.asked == 2
    assert aws.invoke_requests[0].message["body"] == {}


def test_a_flat_network_needs_no_servers(webrtc: Function, aws: AwsStub, ice: IceSource) -> None:
    ice.answer = IceAnswer(servers=(), expires_at=None)
    started = webrtc.start_webrtc()

    assert (started.body["iceConfig"], started.path_id) == ({"iceServers": []}, started.session_id)
    assert webrtc.offer(started.path_id, BODY).status == 200
    assert aws.invoke_requests[0].message["iceServers"] == []


def test_without_a_relay_the_agent_is_left_alone(webrtc: Function, aws: AwsStub, ice: IceSource) -> None:
    started = webrtc.start_webrtc()
    ice.fails = ApiError(status=503, code="turn_unavailable", message="No relay. Try again in a moment.")

    answered = webrtc.offer(started.path_id, BODY)

    assert (answered.status, answered.code) == (503, "turn_unavailable")
    assert not aws.invoke_requests


def test_another_callers_session_is_left_alone(webrtc: Function, aws: AwsStub) -> None:
    started = webrtc.start_webrtc(agent_body={"a": 1}, subject="ann")

    answered = webrtc.offer(started.path_id, BODY, subject="bob")

    assert (answered.status, answered.code) == (403, "not_your_session")
    assert not aws.invoke_requests


def test_an_unknown_session_is_foreign(webrtc: Function, aws: AwsStub) -> None:
    answered = webrtc.offer(new_session_id(key=b"a guess" * 5, subject="ann"), BODY)

    assert (answered.status, answered.code) == (403, "not_your_session")
    assert not aws.invoke_requests


@pytest.mark.parametrize("path_id", ["", "abc", "g" * 96, ".", "a" * 95 + ".x"])
def test_a_malformed_session_id(webrtc: Function, aws: AwsStub, path_id: str) -> None:
    answered = webrtc.offer(path_id, BODY)

    assert (answered.status, answered.code) == (400, "malformed_session_id")
    assert not aws.secret_requests


@pytest.mark.parametrize("ending", [".", ".x", ".x.y", ".x." + "0" * 64])
def test_a_malformed_ticket(webrtc: Function, aws: AwsStub, ending: str) -> None:
    answered = webrtc.offer(webrtc.start_webrtc().session_id + ending, BODY)

    assert (answered.status, answered.code) == (400, "malformed_ticket")
    assert not aws.invoke_requests


def test_a_ticket_of_another_session_of_ones_own(webrtc: Function, aws: AwsStub) -> None:
    first, second = (webrtc.start_webrtc(agent_body={"n": n}) for n in (1, 2))

    answered = webrtc.offer(first.session_id + second.path_id.removeprefix(second.session_id), BODY)

    assert (answered.status, answered.code) == (400, "malformed_ticket")
    assert not aws.invoke_requests


def test_a_deployment_without_webrtc_says_so(function: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = function.offer(function.start().session_id, BODY)

    assert (answered.status, answered.code) == (400, "transport_not_deployed")
    assert function.trickle(function.start().session_id, {}).code == "transport_not_deployed"
    assert function.renew(function.start().session_id).code == "transport_not_deployed"
    assert not aws.invoke_requests


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        (None, 400, "invalid_type", "sdp must be of type string; got null"),
        ("{", 400, "invalid_json", ""),
        ("[]", 400, "invalid_type", "got array"),
        ({**BODY, "sdp": 5}, 400, "invalid_type", "sdp must be of type string"),
        ({**BODY, "type": None}, 400, "invalid_type", "type must be of type string"),
        ({**BODY, "pc_id": 7}, 400, "invalid_type", "pc_id must be of type string; got number"),
        ({**BODY, "restart_pc": 1}, 400, "invalid_type", "restart_pc must be of type boolean"),
        ({**BODY, "type": "answer"}, 400, "invalid_offer", 'type must be "offer"'),
        ({**BODY, "type": "pranswer"}, 400, "invalid_offer", 'type must be "offer"'),
        ({**BODY, "pc_id": ""}, 400, "invalid_pc_id", "1 to 256"),
        ({**BODY, "pc_id": "x" * 257}, 400, "invalid_pc_id", "1 to 256"),
        ({**BODY, "pc_id": "a\nb"}, 400, "invalid_pc_id", "printable"),
        ({**BODY, "iceServers": []}, 400, "unknown_field", '"iceServers"'),
        ({**BODY, "sdp": "v=0"}, 400, "invalid_offer", "does not begin with"),
        ({**BODY, "sdp": CHROMIUM_OFFER.replace("a=setup", "a=x")}, 400, "invalid_offer", "no valid a=setup line"),
        ({**BODY, "sdp": CHROMIUM_OFFER.replace("m=audio", "m=video")}, 400, "offer_without_audio", "no m=audio"),
        ({**BODY, "requestData": "x" * 70_000}, 413, "request_too_large", "at most 65536"),
    ],
)  # fmt: skip
def test_each_bad_offer_has_its_own_answer_and_never_reaches_the_agent(
    webrtc: Function, aws: AwsStub, body: object, status: int, code: str, says: str
) -> None:
    answered = webrtc.offer(webrtc.start_webrtc().path_id, body)

    assert (answered.status, answered.code) == (status, code)
    assert says in answered.body["error"]["message"]
    assert not aws.invoke_requests


@many
@given(at=st.integers(min_value=0), bad=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
def test_an_unprintable_mutation_never_reaches_the_agent(webrtc: Function, aws: AwsStub, at: int, bad: str) -> None:
    place = at % len(CHROMIUM_OFFER)
    if not " " <= bad <= "~":
        mutated = CHROMIUM_OFFER[:place] + bad + CHROMIUM_OFFER[place:]
        answered = webrtc.offer(OWN_SESSION, {**BODY, "sdp": mutated})
        assert (answered.status, answered.code) == (400, "invalid_offer")
    assert not aws.invoke_requests


@many
@given(
    lost=st.sampled_from(["v=0", "m=audio", "a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"]), cut=st.booleans()
)
def test_an_offer_without_a_needed_line_never_reaches_the_agent(
    webrtc: Function, aws: AwsStub, lost: str, cut: bool
) -> None:
    lines = CHROMIUM_OFFER.splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(lost)]
    sdp = CHROMIUM_OFFER[: CHROMIUM_OFFER.index(lost)] if cut else "".join(kept)

    answered = webrtc.offer(OWN_SESSION, {**BODY, "sdp": sdp})

    assert answered.status == 400
    assert answered.code in ("invalid_offer", "offer_without_audio")
    assert not aws.invoke_requests


@pytest.mark.parametrize(
    ("code", "status", "ours"),
    [
        ("no_relay", 424, "no_relay"),
        ("invalid_offer", 400, "invalid_offer"),
        ("session_busy", 409, "session_busy"),
        ("unknown_connection", 404, "unknown_connection"),
        ("stopping", 502, "agent_failed"),
        ("agent_failed", 502, "agent_failed"),
        ("something_new", 502, "agent_failed"),
        (None, 502, "agent_failed"),
        ([1], 502, "agent_failed"),
    ],
)
def test_each_error_of_the_agent_has_its_own_answer(
    webrtc: Function, aws: AwsStub, code: object, status: int, ours: str
) -> None:
    aws.invocations = [agent_fails(code)]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert (answered.status, answered.code) == (status, ours)
    assert RELAY.credential not in json.dumps(answered.body), "the agent's words stay inside"
    assert len(aws.invoke_requests) == 1


def test_no_two_of_the_agents_errors_share_a_sentence(webrtc: Function, aws: AwsStub) -> None:
    codes = ("no_relay", "invalid_offer", "session_busy", "unknown_connection", "stopping", "agent_failed")
    path_id = webrtc.start_webrtc().path_id
    messages = set()
    for code in codes:
        aws.invocations = [agent_fails(code)]
        messages.add(webrtc.offer(path_id, BODY).body["error"]["message"])

    assert len(messages) == len(codes)


@pytest.mark.parametrize(
    ("upstream", "status", "code", "retryable"),
    [
        (424, 502, "agent_failed", False),
        (429, 503, "agentcore_busy", True),
        (500, 502, "agentcore_failed", True),
        (503, 502, "agentcore_failed", True),
        (302, 502, "agentcore_refused", False),
        (400, 502, "agentcore_refused", False),
        (402, 502, "agentcore_refused", False),
        (403, 502, "agentcore_refused", False),
        (404, 502, "agentcore_refused", False),
    ],
)
def test_agentcores_failures_are_told_apart_and_not_retried(
    webrtc: Function, aws: AwsStub, upstream: int, status: int, code: str, retryable: bool
) -> None:
    aws.invocations = [Reply(status=upstream, headers={"location": f"{aws.url}/elsewhere"})]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert (answered.status, answered.code) == (status, code)
    assert ("retry-after" in answered.headers) == retryable
    assert len(aws.invoke_requests) == 1


@pytest.mark.parametrize("name", ["RetryableConflictException", "ConflictException"])
def test_a_conflict_is_tried_again(webrtc: Function, aws: AwsStub, clock: FakeClock, name: str) -> None:
    aws.invocations = [conflict(name), conflict(name), *aws.invocations]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert answered.status == 200
    assert len({request.body for request in aws.invoke_requests}) == 1
    assert len(aws.invoke_requests) == 3
    assert 0.05 <= clock.sleeps[0] <= 0.1 <= clock.sleeps[1] <= 0.2


def test_a_conflict_that_stays_is_given_up_on_within_the_budget(
    webrtc: Function, aws: AwsStub, clock: FakeClock
) -> None:
    aws.invocations = [conflict()]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert (answered.status, answered.code) == (503, "agentcore_busy")
    assert answered.headers["retry-after"] == "1"
    assert 8 < clock.passed <= BUDGET_SECONDS - 6, "a last try has time for the agent's answer"
    assert max(clock.sleeps) <= 2.0
    assert len(aws.invoke_requests) == len(clock.sleeps) + 1 < 25


def test_another_failure_after_a_conflict_is_final(webrtc: Function, aws: AwsStub, clock: FakeClock) -> None:
    aws.invocations = [conflict(), Reply(status=500), *aws.invocations]

    assert webrtc.offer(webrtc.start_webrtc().path_id, BODY).code == "agentcore_failed"
    assert len(aws.invoke_requests) == 2


def test_a_slow_lookup_of_ice_servers_leaves_the_agent_less_time(
    webrtc: Function, aws: AwsStub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def lookup(**_: object) -> IceAnswer:
        clock.passed += 7
        return IceAnswer(servers=(RELAY,), expires_at=None)

    def send(*, timeout_seconds: float, **_: object) -> None:
        given.append(timeout_seconds)
        raise aws_request.AwsTooLateError("ReadTimeoutError")

    monkeypatch.setattr("connect.offer.ice_servers", lookup)
    monkeypatch.setattr("shared.invoke.send_to_session", send)

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert given == [pytest.approx(BUDGET_SECONDS - 7)]
    assert (answered.status, answered.code) == (504, "agent_too_late")
    assert "11 s" in answered.body["error"]["message"]


@pytest.mark.parametrize("hang", ["before", "within"])
def test_an_agent_that_is_too_late(webrtc: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch, hang: Any) -> None:
    monkeypatch.setattr("connect.offer.BUDGET_SECONDS", 0.5)  # the least that is waited for is a second
    aws.invocations = [Reply(hang=hang)]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert (answered.status, answered.code) == (504, "agent_too_late")
    assert "did not answer within 1 s" in answered.body["error"]["message"]
    assert len(aws.invoke_requests) == 1


def test_a_slow_agent_within_the_budget_is_waited_for(
    webrtc: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than any other AWS request may take."""
    monkeypatch.setattr(aws_request, "TIMEOUT_SECONDS", 0.2)
    started = webrtc.start_webrtc()
    answering = aws.reply_to

    def slowly(**received: Any) -> Reply:
        time.sleep(0.6)
        return answering(**received)

    monkeypatch.setattr(aws, "reply_to", slowly)

    assert webrtc.offer(started.path_id, BODY).status == 200


def test_an_agentcore_that_refuses_the_connection(webrtc: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    path_id = webrtc.start_webrtc().path_id
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "http://127.0.0.1:1")
    webrtc.module.cached_settings.cache_clear()

    answered = webrtc.offer(path_id, BODY)

    assert (answered.status, answered.code) == (504, "agentcore_unreachable")


def test_an_endless_answer_is_cut_off(webrtc: Function, aws: AwsStub) -> None:
    aws.invocations = [Reply(body=b"x" * (aws_request.MAX_RESPONSE_BYTES + 1))]

    assert webrtc.offer(webrtc.start_webrtc().path_id, BODY).code == "agentcore_unreachable"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b""),
        Reply(body=b"{"),
        Reply(body=b"[" * 100_000),
        Reply(body=b"[]"),
        Reply(body=b"\xff"),
        Reply(status=204, body=b""),
        agent_says({}),
        answer_with(type="offer"),
        answer_with(pc_id=None),
        answer_with(pc_id=""),
        answer_with(pc_id="a\nb"),
        answer_with(sdp=None),
        answer_with(sdp=""),
        answer_with(sdp=aiortc_exchange().answer.replace("m=audio", "m=video")),
        answer_with(sdp=aiortc_exchange().answer.replace("a=recvonly", "a=inactive")),
    ],
)
def test_an_answer_that_cant_become_a_call_is_the_agents_failure(webrtc: Function, aws: AwsStub, reply: Reply) -> None:
    aws.invocations = [reply]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert answered.status == 502
    assert answered.code == ("agent_failed" if reply.status == 200 else "agentcore_refused")


def test_more_in_an_answer_than_the_transport_takes_stays_inside(webrtc: Function, aws: AwsStub) -> None:
    aws.invocations = [answer_with(secret="internal")]

    answered = webrtc.offer(webrtc.start_webrtc().path_id, BODY)

    assert set(answered.body) == {"sdp", "type", "pc_id"}


def test_every_step_of_a_call_is_logged_and_counted(
    webrtc: Function, ice: IceSource, log_text: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    ice.answer = short_lived(seconds=290)
    started = webrtc.start_webrtc()
    webrtc.offer(started.path_id, BODY)
    webrtc.offer(started.session_id, BODY)

    lines = [json.loads(line) for line in log_text.getvalue().splitlines()]
    assert [(line["route"], line["status"], line["note"]) for line in lines] == [
        ("POST /start", 200, "webrtc"),
        ("POST /sessions/{session_id}/api/offer", 200, "ICE servers of the ticket"),
        ("POST /sessions/{session_id}/api/offer", 200, "ICE servers looked up"),
    ]
    assert len({line["session"] for line in lines}) == 1
    printed = capfd.readouterr().out
    assert (printed.count('"SessionsStarted":[1.0]'), printed.count('"OffersAnswered":[1.0]')) == (1, 2)


@many
@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            name: st.none()
            | st.booleans()
            | st.integers()
            | st.text(max_size=30)
            | st.sampled_from([CHROMIUM_OFFER, "offer"])
            for name in ("sdp", "type", "pc_id", "restart_pc", "requestData")
        },
    )
)
def test_no_json_upsets_it(webrtc: Function, body: dict[str, object]) -> None:
    answered = webrtc.offer(OWN_SESSION, body)

    assert answered.status in (200, 400)
