"""The whole command against a good bot: one call with --json, measured by the bot's own clock, and one with tables."""

import re
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import numpy.typing as npt
import pytest

from tests.switchboard.conftest import TOKEN, Finished, patched_aws, runner
from tests.switchboard.stand_in import Reply, Script, stand_in

SENTENCES = ("Please count to 3", "It's late, isn't it?", "Goodbye")


def good_script() -> Script:
    return Script(
        replies=[
            Reply(heard="please count to three.", answer="One, two, three.", hertz=600),
            Reply(heard="Its late, isn't it", answer="It is [late].", hertz=900),
            Reply(heard="GOODBYE!", answer="Bye.", hertz=1200),
        ]
    )


def say(*sentences: str) -> list[str]:
    return [argument for sentence in sentences for argument in ("--say", sentence)]


@dataclass(frozen=True)
class Recorded:
    finished: Finished
    wav: Path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
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
        finished = run(service, aws, "--json", "--wav", "call.wav", *say(*SENTENCES))
        aws.cognito.assert_no_pending_responses()
    return Recorded(finished, folder / "call.wav")


def test_call_is_reported_in_one_json_document(recorded: Recorded) -> None:
    finished = recorded.finished
    document = finished.document
    assert finished.exit_code == document["exit_code"] == 0
    assert document["errors"] == []
    assert [
        (turn["said"], turn["heard_by_bot"], turn["answered"], turn["answer_heard"], turn["words_match"])
        for turn in document["call"]["turns"]
    ] == [
        (SENTENCES[0], "please count to three.", "One, two, three.", "a tone of 600 hertz", True),
        (SENTENCES[1], "Its late, isn't it", "It is [late].", "a tone of 900 hertz", True),
        (SENTENCES[2], "GOODBYE!", "Bye.", "a tone of 1200 hertz", True),
    ]
    assert (document["call"]["ended_by"], document["call"]["close_code"]) == ("bot", 1000)
    agent = {"startup_seconds": 1.9, "vad_stop_seconds": 0.2, "pipeline": "offline", "pipecat": "1.14.0"}
    assert document["call"]["agent"] == agent
    ready_after = document["call"]["bot_ready_seconds"] - document["call"]["connect_seconds"]
    assert good_script().ready_delay_seconds - 0.001 <= ready_after < 0.2
    assert 0 < document["call"]["connect_seconds"] < 0.2
    assert (document["environment"], document["region"], document["runtime_version"]) == ("dev", "us-east-1", "3")


def test_latencies_are_those_that_the_bot_made(recorded: Recorded) -> None:
    hearing = recorded.finished.service.hearings[0]
    turns = recorded.finished.document["call"]["turns"]
    answers = [at - end for at, end in zip(hearing.answered_at, hearing.last_voiced_at, strict=True)]
    notices = [at - end for at, end in zip(hearing.noticed_at, hearing.last_voiced_at, strict=True)]
    assert min(answers) >= good_script().reply_delay_seconds
    assert [turn["latency_seconds"] for turn in turns] == pytest.approx(answers, abs=0.03)
    assert [turn["turn_end_seconds"] for turn in turns] == pytest.approx(notices, abs=0.03)


def test_echo_is_measured_in_a_second_session(recorded: Recorded) -> None:
    echo = recorded.finished.document["echo"]
    hearing = recorded.finished.service.hearings[1]
    assert echo["latency_seconds"] == pytest.approx(hearing.answered_at[0] - hearing.last_voiced_at[0], abs=0.03)
    assert echo["added_seconds"] == pytest.approx(echo["latency_seconds"] - echo["vad_wait_seconds"], abs=0.0011)
    assert echo["added_seconds"] < 0.06


def test_sessions_are_asked_for_with_the_token_and_ended_unless_the_bot_hung_up(recorded: Recorded) -> None:
    requests = recorded.finished.service.requests
    assert [(method, path, body) for method, path, _, body in requests] == [
        ("POST", "/start", {"transport": "websocket"}),
        ("POST", "/start", {"transport": "websocket", "body": {"brain": "echo"}}),
        ("DELETE", "/sessions/session-2", None),
    ]
    assert {headers["Authorization"] for _, _, headers, _ in requests} == {f"Bearer {TOKEN}"}


def test_microphone_sends_20_ms_frames_without_a_pause(recorded: Recorded) -> None:
    frames = recorded.finished.service.hearings[0].frames
    intervals = [later - earlier for (earlier, _), (later, _) in pairwise(frames)]
    assert {len(pcm) for _, pcm in frames} == {640}
    assert mean(intervals) == pytest.approx(0.020, abs=0.001)
    assert np.percentile(intervals, 90) < 0.040
    sent = recorded.finished.document["call"]["sent"]
    assert sent["seconds"] == pytest.approx(sent["frames"] * 0.02)
    assert 0 <= sent["frames"] - len(frames) <= 3  # The last ones may be under way when the bot hangs up.


def test_recording_holds_both_sides_where_they_were_heard(recorded: Recorded) -> None:
    with wave.open(str(recorded.wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 24_000)
        channels = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    caller, bot = (_sounds(channels[:, side]) for side in (0, 1))
    turns = recorded.finished.document["call"]["turns"]
    assert [end - start for start, end in caller] == pytest.approx([0.24, 0.24, 0.06], abs=0.002)
    assert [end - start for start, end in bot] == pytest.approx([0.4] * 3, abs=0.002)
    gaps = [answer - end for (_, end), (answer, _) in zip(caller, bot, strict=True)]
    assert gaps == pytest.approx([turn["latency_seconds"] for turn in turns], abs=0.002)
    assert recorded.finished.document["call"]["received"]["seconds"] == pytest.approx(1.2)


def test_tables_say_what_people_need(call: Callable[..., Finished]) -> None:
    finished = call(good_script(), "--no-echo", *say(*SENTENCES))
    assert finished.exit_code == 0
    text = " ".join(finished.stdout.split())
    for expected in (
        "Call to switchboard-dev (us-east-1, runtime version 3)",
        "a process not started ahead would add 1.90 s",
        "the bot hung up",
        "It's late, isn't it? │ Its late, isn't it │ It is [late]. │ a tone of 900 hertz",
        "OK, 3 of 3 turns understood",
        ".switchboard/calls/",
    ):
        assert expected in text
    assert len(list(Path(".switchboard/calls").glob("*.wav"))) == 1
    assert len(finished.service.hearings) == 1


def test_a_lost_websocket_is_replaced_once_in_the_same_session(call: Callable[..., Finished]) -> None:
    script = good_script()
    first, *script.replies = script.replies
    script.replies = [replace(first, then=lambda line: line.drop()), *script.replies]
    script.resumes = True
    finished = call(script, "--no-echo", *say(*SENTENCES))

    assert finished.exit_code == 0
    text = " ".join(finished.stdout.split())
    assert re.search(r"interrupted │ the WebSocket was lost, and replaced after \d+ ms in the same session", text)
    assert "OK, 3 of 3 turns understood" in text
    assert "resumed after a lost connection" in text
    requests = [(method, path) for method, path, *_ in finished.service.requests]
    assert requests == [("POST", "/start"), ("POST", "/sessions/session-1/url")]
    assert [hearing.ready for hearing in finished.service.hearings] == [True, True]


def test_a_second_loss_ends_the_call(call: Callable[..., Finished]) -> None:
    reply = Reply(heard="one", answer="Yes.", then=lambda line: line.drop())
    finished = call(Script(replies=[reply] * 4, resumes=True), "--no-echo", "--json", *say("one", "one", "one"))

    assert finished.exit_code == 12
    assert len(finished.document["call"]["interruptions"]) == 1
    assert finished.document["call"]["ending"] == "dropped with code 1006"


def test_a_handshake_that_meets_a_conflict_is_tried_again(call: Callable[..., Finished]) -> None:
    script = Script(replies=[Reply(heard="one", answer="Yes.")], handshake_refusals=[409, 409])
    finished = call(script, "--no-echo", "--json", *say("one"))

    assert finished.exit_code == 0
    assert finished.document["call"]["connect_seconds"] > 0.75


def _sounds(samples: npt.NDArray[np.int16]) -> list[tuple[float, float]]:
    """Start and end, in seconds, of each sound with 50 ms of silence around it."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 1000) / 24_000
    breaks = np.flatnonzero(np.diff(loud) > 0.05)
    starts = [loud[0], *loud[breaks + 1]]
    ends = [*loud[breaks], loud[-1]]
    return list(zip(starts, ends, strict=True))
