import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from offline_speech import synthesize, transcribe
from tests.agent_image.agent_process import IMAGE


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 24_000])
def test_what_is_spoken_is_heard(sample_rate: int) -> None:
    pcm = synthesize("What time is it?", sample_rate=sample_rate)

    assert transcribe(pcm, sample_rate=sample_rate) == "What time is it?"


def test_the_same_text_lasts_as_long_at_every_rate() -> None:
    seconds = [len(synthesize("Good morning.", sample_rate=rate)) / 2 / rate for rate in (8_000, 16_000, 48_000)]

    assert max(seconds) - min(seconds) < 0.001
    assert 0.5 < seconds[0] < 2.0


def test_threads_that_speak_at_once_do_not_mix_their_words() -> None:
    texts = ["One.", "The house is very old.", "Thank you for calling."]
    alone = [len(synthesize(text, sample_rate=16_000)) for text in texts]
    with ThreadPoolExecutor(max_workers=8) as pool:
        together = [*pool.map(lambda text: len(synthesize(text, sample_rate=16_000)), texts * 20)]

    assert np.allclose(together, alone * 20, atol=16)


def test_no_audio_is_no_words() -> None:
    assert transcribe(b"", sample_rate=16_000) == ""


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(ValueError, match="espeak-ng has no 'nobody'"):
        synthesize("Hello.", sample_rate=16_000, voice="nobody")


def test_the_operators_call_can_use_it_without_pipecat_or_the_server() -> None:
    program = "import sys, offline_speech; print({'pipecat', 'bedrock_agentcore'} & set(sys.modules))"

    printed = subprocess.run([sys.executable, "-c", program], cwd=IMAGE, capture_output=True, check=True, text=True)

    assert printed.stdout == "set()\n"
