"""Speech with no account and no network: espeak-ng speaks, Moonshine hears, both from wheels with their data inside.

Audio is PCM16 little-endian mono. Both engines are global to a process, so each serves one thread at a time.
espeak-ng is GPL-3; https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h is its API.
"""

import ctypes
import threading
from functools import cache

import espeakng_loader
import numpy as np
import soxr
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_model_path

# The voice and its rate (words a minute), pitch and pitch range (0 to 100) and pause between words (10 ms), chosen
# together: of those tried, what Moonshine's smallest model understands best.
VOICE = "en-us+f2"
_PARAMETERS = {1: 140, 3: 65, 4: 80, 7: 2}

_SYNCHRONOUS = 2
_BUFFER_MILLISECONDS = 100
_CHARACTERS, _UTF8 = 1, 1
_AudioCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

_MOONSHINE_RATE = 16_000
_espeak_lock = threading.Lock()
_moonshine_lock = threading.Lock()


def synthesize(text: str, *, sample_rate: int, voice: str = VOICE) -> bytes:
    """Speak a text: PCM16 mono at `sample_rate` Hz. Raises `ValueError` for a voice that espeak-ng doesn't have."""
    with _espeak_lock:
        pcm, rate = _espeak().speak(text=text, voice=voice)
    return _resample(np.frombuffer(pcm, np.int16), rate, sample_rate).tobytes()


def transcribe(pcm: bytes, *, sample_rate: int) -> str:
    """Hear what is said in PCM16 mono at `sample_rate` Hz; an empty text when nothing is."""
    samples = _resample(np.frombuffer(pcm, np.int16), sample_rate, _MOONSHINE_RATE)
    with _moonshine_lock:
        transcript = _moonshine().transcribe_without_streaming((samples / 32_768).tolist(), _MOONSHINE_RATE)
    return " ".join(line.text.strip() for line in transcript.lines)


class _Espeak:
    """espeak-ng's library, through its C API: synthesis in the caller's thread, audio through a callback."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = espeakng_loader.get_data_path().encode()
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MILLISECONDS, data_path, 0)
        if self._rate <= 0:
            raise RuntimeError(f"espeak-ng can't start with the voices in {espeakng_loader.get_data_path()}")
        self._audio = bytearray()
        # The library keeps only the address of the callback: without this reference it would be freed.
        self._callback = _AudioCallback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, *, text: str, voice: str) -> tuple[bytes, int]:
        """The whole text as PCM16 mono, and its rate in Hz."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"voice: espeak-ng has no {voice!r}; allowed are its voices and variants, as {VOICE!r}")
        for parameter, value in _PARAMETERS.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._audio.clear()
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        return bytes(self._audio), self._rate

    def _receive(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples:
            self._audio += ctypes.string_at(samples, count * 2)
        return 0


@cache
def _espeak() -> _Espeak:
    return _Espeak()


@cache
def _moonshine() -> Transcriber:
    # A threshold of 0 hears the audio as a whole: who calls has cut it already, and in a pause Moonshine hears "you".
    return Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options={"vad_threshold": "0"})


def _resample(samples: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    return samples if source_rate == target_rate else soxr.resample(samples, source_rate, target_rate)
