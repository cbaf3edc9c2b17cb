"""The command over WebRTC, against an agent on the loopback interface: a good call, and how calls fail or recover."""

import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from switchboard import webrtc_session
from tests.switchboard.conftest import Aws, Finished, patched_aws, runner
from tests.switchboard.lines import Line, WebRtcLine
from tests.switchboard.stand_in import Reply, Script, go_on, stand_in

pytestmark = pytest.mark.usefixtures("loopback")

Call = Callable[..., Finished]
WEBRTC = ("--transport", "webrtc", "--json")
TWO_SENTENCES = ("--say", "Please count to 3", "--say", "Goodbye and thank you")


def good_script(*, then: Callable[[WebRtcLine], None] = go_on) -> Script:
    """`then`: after the first answer."""

    def after_first_answer(line: Line) -> None:
        assert isinstance(line, WebRtcLine)
        then(line)

    return Script(
        replies=[
            Reply(heard="please count to three.", answer="One, two, three.", hertz=600, then=after_first_answer),
            Reply(heard="GOODBYE and thank you!", answer="Bye.", hertz=900),
        ]
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_session, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(webrtc_session, "_RESTART_PAUSE_SECONDS", 0.1)


@dataclass(frozen=True)
class Recorded:
    finished: Finished
    wav: Path

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.finished.document["call"]
        return facts


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, loopback: None) -> Recorded:
    """One call that all the tests of its facts share."""
    folder = tmp_path_factory.mktemp("call")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        patched_aws(monkeypatch) as aws,
        runner(monkeypatch, folder) as run,
        stand_in(good_script()) as service,
    ):
        aws.expect_outputs(api_url=service.api_url)
        aws.expect_temporary_user()
        finished = run(service, aws, *WEBRTC, *TWO_SENTENCES, "--wav", "call.wav")
        aws.cognito.assert_no_pending_responses()
    return Recorded(finished, folder / "call.wav")


def test_dialogue_is_reported_as_over_a_websocket(recorded: Recorded) -> None:
    assert (recorded.finished.exit_code, recorded.finished.document["errors"]) == (0, [])
    assert recorded.finished.document["transport"] == "webrtc"
    turns = recorded.facts["turns"]
    assert [(turn["heard_by_bot"], turn["answered"], turn["answer_heard"]) for turn in turns] == [
        ("please count to three.", "One, two, three.", "a tone of 600 hertz"),
        ("GOODBYE and thank you!", "Bye.", "a tone of 900 hertz"),
    ]
    assert (recorded.facts["ended_by"], recorded.facts["close_code"]) == ("bot", None)
    assert recorded.facts["agent"]["pipeline"] == "offline"


def test_path_and_the_steps_of_its_set_up_are_reported(recorded: Recorded) -> None:
    [path] = recorded.facts["paths"]
    assert (path["local_candidate"], path["remote_candidate"], path["turn_protocol"]) == ("host", "host", None)
    assert 0 < path["answer_seconds"] < path["data_channel_seconds"]
    assert path["answer_seconds"] < path["media_seconds"]
    assert path["interruption_seconds"] is None
    gathered_and_connected = path["gathering_seconds"] + path["data_channel_seconds"]
    assert recorded.facts["connect_seconds"] == pytest.approx(gathered_and_connected, abs=0.005)
    assert recorded.facts["bot_ready_seconds"] >= recorded.facts["connect_seconds"] + Script().ready_delay_seconds
    assert recorded.facts["start_seconds"] > 0


def test_latencies_are_those_that_the_bot_made_and_the_jitter_buffer_s(recorded: Recorded) -> None:
    hearing = recorded.finished.service.hearings[0]
    answers = [at - end for at, end in zip(hearing.answered_at, hearing.last_voiced_at, strict=True)]
    for turn, answer in zip(recorded.facts["turns"], answers, strict=True):
        assert turn["latency_seconds"] >= answer
    echo = recorded.finished.document["echo"]
    assert echo["latency_seconds"] > echo["vad_wait_seconds"] > Script().vad_wait_seconds


def test_recording_holds_both_sides_where_they_were_heard(recorded: Recorded) -> None:
    with wave.open(str(recorded.wav)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 48_000)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    loud = [np.flatnonzero(np.abs(samples[:, side].astype(np.int32)) > 1000) / 48_000 for side in (0, 1)]
    caller, bot = ([times[0], *times[1:][np.diff(times) > 0.2]] for times in loud)
    ends = [loud[0][loud[0] < answer][-1] for answer in bot]
    assert len(caller) == len(bot) == 2
    assert [answer - end for answer, end in zip(bot, ends, strict=True)] == pytest.approx(
        [turn["latency_seconds"] for turn in recorded.facts["turns"]], abs=0.03
    )
    # Audio that never pauses arrives, from the open path to the end.
    assert recorded.facts["received"]["seconds"] == pytest.approx(recorded.facts["sent"]["seconds"], abs=0.3)


def test_requests_are_those_of_the_javascript_client(recorded: Recorded) -> None:
    service = recorded.finished.service
    assert [(method, path) for method, path, *_ in service.requests] == [
        ("POST", "/start"),
        ("POST", "/sessions/session-1.t/api/offer"),
        ("POST", "/start"),
        ("POST", "/sessions/session-3.t/api/offer"),
        ("DELETE", "/sessions/session-3"),
    ]
    assert service.requests[2][3] == {"transport": "webrtc", "body": {"brain": "echo"}}
    [offer] = service.lines["session-1"].offers
    assert (offer["type"], offer["pc_id"], offer["restart_pc"]) == ("offer", None, False)
    assert "a=candidate:" in offer["sdp"]
    microphone_is_on, *pings = service.lines["session-1"].control
    assert microphone_is_on == {"type": "trackStatus", "receiver_index": 0, "enabled": True}
    assert pings
    assert all(isinstance(ping, str) and ping.removeprefix("ping: ").isdecimal() for ping in pings)


def test_tables_show_the_path(call: Call) -> None:
    finished = call(good_script(), "--transport", "webrtc", "--no-echo", *TWO_SENTENCES)
    text = " ".join(finished.stdout.replace("│", " ").split())
    assert finished.exit_code == 0
    assert "from the start of ICE gathering to the open data channel" in text
    assert "path host – host, set up in " in text
    assert finished.stderr.splitlines()[-1] == "listening to the recording"


@pytest.mark.parametrize(
    ("script", "exit_code", "words"),
    [
        pytest.param(
            Script(
                start_status=400, start_answer={"error": {"code": "transport_not_deployed", "message": "no webrtc"}}
            ),
            11,
            ["POST /start was answered 400: code transport_not_deployed, message no webrtc", "parameter `transports`"],
            id="not deployed",
        ),
        pytest.param(
            Script(start_answer={"wsUrl": "wss://host"}), 11, ["without session id and sessionId"], id="no sessionId"
        ),
        pytest.param(
            Script(start_answer={"sessionId": "s", "iceConfig": {"iceServers": ["turn:host"]}}),
            11,
            ["iceConfig holds no list of RTCIceServer"],
            id="no ICE servers",
        ),
        pytest.param(
            Script(offer_refusals=[(424, "no_relay")]),
            11,
            [
                "POST /sessions/{session_id}/api/offer was answered 424: code no_relay, message the stand-in says",
                "the network of the agent lets nothing through to the TURN servers",
            ],
            id="no relay",
        ),
        pytest.param(
            Script(offer_refusals=[(409, "session_busy")]), 11, ["the session has another call"], id="offer refused"
        ),
        pytest.param(
            Script(unreachable=True), 12, ["no path to the agent was found within 1 s", "TURN server"], id="no path"
        ),
        pytest.param(Script(ready=False, last_words=go_on), 13, ["the bot was not ready within 1 s"], id="not ready"),
        pytest.param(Script(last_words=go_on), 13, ["the bot did not answer sentence 1 within"], id="silent"),
        pytest.param(
            Script(replies=[Reply(heard="one", answer="Yes.")]),
            12,
            ["the call ended before sentence 2: the bot hung up"],
            id="hung up early",
        ),
        pytest.param(
            Script(replies=[Reply(heard="won", answer="Yes."), Reply(heard="two", answer="Yes.")]),
            14,
            ["the bot heard other words than were said in turn 1"],
            id="words",
        ),
        pytest.param(
            Script(replies=[Reply(heard="one", answer="Yes.")], last_words=lambda line: line.send("{")),
            12,
            ["dropped (the agent sent a message that is not JSON)"],
            id="not JSON",
        ),
    ],
)
def test_failure_has_its_exit_code_and_words(
    call: Call, aws: Aws, script: Script, exit_code: int, words: list[str]
) -> None:
    finished = call(script, *WEBRTC, "--say", "one", "--say", "two", "--no-echo", "--timeout-seconds", "1")
    assert finished.exit_code == finished.document["exit_code"] == exit_code
    error = finished.document["errors"][0]
    text = " ".join([error["problem"], *error["causes"], *error["next_steps"]])
    assert [expected for expected in words if expected not in text] == []
    aws.cognito.assert_no_pending_responses()


@pytest.mark.usefixtures("impatient")
def test_lost_path_is_replaced_and_the_call_goes_on(call: Call) -> None:
    finished = call(good_script(then=WebRtcLine.lose_path), *WEBRTC, *TWO_SENTENCES, "--no-echo")
    facts = finished.document["call"]
    assert (finished.exit_code, facts["ended_by"]) == (0, "bot")
    assert [turn["answer_heard"] for turn in facts["turns"]] == ["a tone of 600 hertz", "a tone of 900 hertz"]
    first, second = facts["paths"][:2]
    assert first["interruption_seconds"] is None
    assert second["interruption_seconds"] >= webrtc_session.SILENCE_SECONDS
    assert [path for method, path, *_ in finished.service.requests if method == "POST"][1:4] == [
        "/sessions/session-1.t/api/offer",
        "/sessions/session-1.t/api/ice-servers",
        "/sessions/session-1.t1/api/offer",
    ]
    offers = finished.service.lines["session-1"].offers[:2]
    assert [(offer["pc_id"], offer["restart_pc"]) for offer in offers] == [(None, False), ("connection-1", True)]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("refusals", "words"),
    [
        pytest.param([(404, "unknown_connection")], "code unknown_connection", id="refused"),
        pytest.param([(502, "agent_failed")] * 3, "code agent_failed", id="fails three times"),
    ],
)
def test_path_that_cannot_be_restored_ends_the_call(call: Call, refusals: list[tuple[int, str]], words: str) -> None:
    def lose_path(line: WebRtcLine) -> None:
        script.offer_refusals += refusals
        line.lose_path()

    script = good_script(then=lose_path)
    finished = call(script, *WEBRTC, *TWO_SENTENCES, "--no-echo")
    facts = finished.document["call"]
    assert (finished.exit_code, facts["ended_by"], len(facts["paths"])) == (12, "dropped", 1)
    assert "the path was lost and not restored" in facts["ending"]
    assert words in facts["ending"]
    assert script.offer_refusals == []
    assert facts["turns"][0]["words_match"] is True
    assert finished.service.requests[-1][:2] == ("DELETE", "/sessions/session-1")


@pytest.mark.usefixtures("impatient")
def test_restart_that_fails_is_tried_again(call: Call) -> None:
    def lose_path(line: WebRtcLine) -> None:
        script.offer_refusals += [(502, "agent_failed"), (503, "agentcore_busy")]
        line.lose_path()

    script = good_script(then=lose_path)
    finished = call(script, *WEBRTC, *TWO_SENTENCES, "--no-echo")
    assert finished.exit_code == 0
    assert script.offer_refusals == []
    assert len(finished.document["call"]["paths"]) >= 2


def test_agent_that_closes_without_a_word_is_asked_for_a_restart(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_session, "SILENCE_SECONDS", float("inf"))

    def drop(line: WebRtcLine) -> None:
        script.offer_refusals += [(404, "unknown_connection")]
        line.drop()

    script = good_script(then=drop)
    finished = call(script, *WEBRTC, *TWO_SENTENCES, "--no-echo")
    assert finished.exit_code == 12
    assert "dropped (the path was lost and not restored" in finished.document["errors"][0]["problem"]


def test_agent_may_ask_for_a_new_offer(call: Call) -> None:
    finished = call(good_script(then=WebRtcLine.ask_to_renegotiate), *WEBRTC, *TWO_SENTENCES, "--no-echo")
    assert (finished.exit_code, len(finished.document["call"]["paths"])) == (0, 1)
    offers = finished.service.lines["session-1"].offers[:2]
    assert [(offer["pc_id"], offer["restart_pc"]) for offer in offers] == [(None, False), ("connection-1", False)]
    assert finished.document["call"]["turns"][1]["answer_heard"] == "a tone of 900 hertz"


def test_call_over_a_websocket_imports_no_webrtc() -> None:
    """It takes half a second."""
    program = (
        "import sys, switchboard.cli; sys.exit([name for name in sys.modules if name in {'aiortc', 'aioice'}] or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
