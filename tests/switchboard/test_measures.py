"""What the figures rest on: word errors, a loudspeaker's timeline, and texts without secrets."""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from switchboard.audio import BotAudio, Loudspeaker, Stretch, trim, write_stereo_wav
from switchboard.errors import ExitCode, OperatorError
from switchboard.render import path_words
from switchboard.report import PathFacts
from switchboard.words import word_error_rate, words

LOUD = np.full(16_000, 9_000, dtype=np.int16).tobytes()
QUIET = bytes(32_000)


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("What time is it?", "what time IS it", 0),
        ("It's 21 o'clock", "its twenty one oclock", 0),
        ("call 110", "call one one zero", 0),
        ("one two three four", "one too three four", 1 / 4),
        ("one two three four", "one three four", 1 / 4),
        ("one two three four", "one two and three four", 1 / 4),
        ("bye bye and goodbye", "Bye-bye and good-bye", 0),
        ("byebye", "bye bye now", 1),
        ("one two", "", 1),
        ("one", "two three", 2),
    ],
)
def test_word_error_rate_counts_words_not_spelling(said: str, heard: str, rate: float) -> None:
    assert word_error_rate(said=said, heard=heard) == pytest.approx(rate)


def test_numbers_are_read_as_they_are_spoken() -> None:
    assert words("0 13 20 99") == ["zero", "thirteen", "twenty", "ninety", "nine"]


def test_frames_that_come_early_are_heard_one_after_the_other() -> None:
    speaker = Loudspeaker()
    for now, pcm in ((10.0, QUIET), (10.1, QUIET), (10.2, LOUD), (14.0, LOUD)):
        speaker.play(BotAudio(pcm=pcm, sample_rate=16_000), now=now)
    assert [(stretch.start, stretch.end) for stretch in speaker.stretches] == [(10.0, 13.0), (14.0, 15.0)]
    assert speaker.first_sound(after=9.0) == pytest.approx(12.0)
    assert speaker.first_sound(after=12.5) == pytest.approx(12.5)
    assert speaker.first_sound(after=13.5) == pytest.approx(14.0)
    assert speaker.first_sound(after=15.0) is None
    assert (speaker.last_sound, speaker.seconds, speaker.frames) == (15.0, 4.0, 4)
    speaker.play(BotAudio(pcm=QUIET, sample_rate=16_000), now=15.0)
    assert speaker.last_sound == 15.0


def test_stream_that_never_pauses_is_heard_when_it_sounds() -> None:
    """20 ms frames as RTP brings them: silence, then a sound with a pause in it and jitter, and another sound."""
    loud, quiet = LOUD[:640], QUIET[:640]
    speaker = Loudspeaker()

    def hear(pcm: bytes, *times: float) -> None:
        for now in times:
            speaker.play_live(BotAudio(pcm=pcm, sample_rate=16_000), now=now)

    hear(quiet, 9.96, 9.98)
    hear(loud, 10.00, 10.05, 10.06)  # The second is late, as packets are.
    hear(quiet, 10.08, 10.10)
    hear(loud, 10.12)
    assert [(stretch.start, round(stretch.end, 3)) for stretch in speaker.stretches] == [(10.0, 10.12)]
    # A device has caught up by the end of a long silence, of which it played half a second.
    hear(quiet, *(10.14 + 0.02 * number for number in range(26)))
    hear(loud, 10.66)
    assert [stretch.start for stretch in speaker.stretches][1:] == [10.66]
    # What is more than late has left a gap.
    hear(loud, 11.00)
    assert [stretch.start for stretch in speaker.stretches][2:] == [11.00]
    assert (speaker.frames, round(speaker.seconds, 3)) == (36, 0.72)


def test_trim_leaves_speech_only() -> None:
    hum = np.full(100, 100, dtype=np.int16).tobytes()
    full_scale = np.array([-32_768], dtype=np.int16).tobytes()
    assert trim(hum + full_scale + QUIET + LOUD + hum) == full_scale + QUIET + LOUD
    assert trim(QUIET) == b""


def test_recording_brings_both_sides_to_one_rate(tmp_path: Path) -> None:
    ramp = np.arange(0, 16_000, dtype=np.int16)
    caller = Stretch(start=5.0, sample_rate=16_000, pcm=bytearray(ramp.tobytes()))
    bot = Stretch(start=5.5, sample_rate=32_000, pcm=bytearray(LOUD))
    write_stereo_wav(tmp_path / "call.wav", caller=caller, bot=[bot])
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert file.getframerate() == 32_000
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    assert np.abs(samples[:31_998, 0] - np.arange(31_998) / 2).max() <= 1
    assert np.flatnonzero(samples[:, 1])[[0, -1]].tolist() == [16_000, 31_999]


def test_errors_never_carry_urls_tokens_or_control_characters() -> None:
    secret = "wss://host/ws?X-Amz-Signature=abc, eyJraWQi.eyJzdWIi.c2ln \x1b[31m\n" + "x" * 500
    error = OperatorError(exit_code=ExitCode.SIGNING, problem=secret, causes=[secret], next_steps=[secret])
    for text in (str(error), error.problem, *error.causes, *error.next_steps):
        assert text.startswith("[URL] [token] [31m xxx")
        assert len(text) == 400


def test_paths_are_told_in_words() -> None:
    path = PathFacts(
        local_candidate="relay",
        remote_candidate="relay",
        turn_protocol="udp",
        gathering_seconds=0.012,
        answer_seconds=0.045,
        data_channel_seconds=0.081,
        media_seconds=0.0934,
        interruption_seconds=None,
    )
    steps = "(answer 45 ms, data channel 81 ms; before the offer: gathering 12 ms)"
    assert path_words(path) == f"relay (udp) – relay, set up in 93 ms from the offer {steps}"
    direct = replace(path, local_candidate="host", remote_candidate="prflx", turn_protocol=None, media_seconds=None)
    assert path_words(direct) == f"host – prflx, no audio came {steps}"
    restart = replace(path, turn_protocol="tls", interruption_seconds=5.71)
    assert path_words(restart) == "relay (tls) – relay, by an ICE restart that interrupted the audio for 5.7 s"
