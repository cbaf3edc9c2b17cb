"""Sentences that can be said when no service can speak; recordings/README.md says how to replace them."""

import wave
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import soxr
from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame

_FOLDER = Path(__file__).parent / "recordings"
_FORMAT = (1, 2)  # mono, 2 bytes a sample


def recorded_speech(name: Literal["apology", "looking"], *, sample_rate: int) -> list[Frame]:
    """The frames that say a sentence, at `sample_rate` Hz. Raises `ValueError` for a file that isn't PCM16 mono."""
    audio = TTSAudioRawFrame(audio=_pcm(name, sample_rate=sample_rate), sample_rate=sample_rate, num_channels=1)
    return [TTSStartedFrame(), audio, TTSStoppedFrame()]


@cache
def _pcm(name: str, *, sample_rate: int) -> bytes:
    path = _FOLDER / f"{name}.wav"
    with wave.open(str(path)) as recording:
        form = (recording.getnchannels(), recording.getsampwidth())
        if form != _FORMAT:
            raise ValueError(f"{path}: got (channels, bytes a sample) {form}, allowed is {_FORMAT}; convert the file")
        rate = recording.getframerate()
        pcm: bytes = recording.readframes(recording.getnframes())
    if rate == sample_rate:
        return pcm
    resampled: bytes = soxr.resample(np.frombuffer(pcm, np.int16), rate, sample_rate).tobytes()
    return resampled
