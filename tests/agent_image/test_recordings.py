"""The recorded sentences are what their names say, at the rate that a call asks for."""

import wave
from pathlib import Path
from typing import Literal

import pytest
from pipecat.frames.frames import TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame

import recordings
from offline_speech import transcribe
from recordings import recorded_speech


@pytest.mark.parametrize(
    ("name", "words"),
    [("apology", "Sorry, I can't go on right now. Please call again later."), ("looking", "One moment, I am looking")],
)
@pytest.mark.parametrize("sample_rate", [16_000, 8_000])
def test_it_can_be_understood(name: Literal["apology", "looking"], words: str, sample_rate: int) -> None:
    started, audio, stopped = recorded_speech(name, sample_rate=sample_rate)

    assert isinstance(started, TTSStartedFrame)
    assert isinstance(audio, TTSAudioRawFrame)
    assert isinstance(stopped, TTSStoppedFrame)
    assert audio.sample_rate == sample_rate
    assert words in transcribe(audio.audio, sample_rate=sample_rate)


def test_a_file_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wave.open(str(tmp_path / "apology.wav"), "wb") as stereo:
        stereo.setnchannels(2)
        stereo.setsampwidth(2)
        stereo.setframerate(16_000)
    monkeypatch.setattr(recordings, "_FOLDER", tmp_path)
    recordings._pcm.cache_clear()

    with pytest.raises(ValueError, match=r"got \(channels, bytes a sample\) \(2, 2\), allowed is \(1, 2\)"):
        recorded_speech("apology", sample_rate=24_000)
