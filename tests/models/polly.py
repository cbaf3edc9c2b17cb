"""A stand-in for Amazon Polly's SynthesizeSpeech, with espeak-ng's voice.

It verifies signatures, validates requests against botocore's model of the service, and sends PCM in chunks of an odd
number of bytes, as slowly as a test wants. It proves nothing about Polly's voices, its speed, or which voice has which
engine in which region. Source: https://docs.aws.amazon.com/polly/latest/APIReference/API_SynthesizeSpeech.html
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from aiohttp import web
from botocore.validate import ParamValidator

from offline_speech import synthesize
from tests.models.stand_in import AwsStandIn, validation_error

_MODEL = botocore.session.get_session().get_service_model("polly")
_SHAPE: Any = _MODEL.operation_model("SynthesizeSpeech").input_shape
_RATES = {"pcm": ("8000", "16000")}
_CHARACTERS = 3_000
_CHUNK_BYTES = 1_001


@dataclass(kw_only=True)
class PollyStandIn(AwsStandIn):
    """`bodies` are the requests that were found good; `last_bytes` the moments at which answers were sent whole.

    It waits `chunk_seconds` after each kilobyte, 31 ms of audio. `unfinished` counts the answers whose reader left.
    """

    service: str = "polly"
    chunk_seconds: float = 0.0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    last_bytes: list[float] = field(default_factory=list)
    unfinished: int = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/speech", self._speak)]

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        wire = await self.verified(request)
        body = json.loads(wire.body)
        _check(body)
        self.bodies.append(body)
        pcm = await asyncio.to_thread(synthesize, body["Text"], sample_rate=int(body["SampleRate"]))
        headers = {"Content-Type": "audio/pcm", "x-amzn-RequestCharacters": str(len(body["Text"]))}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            for start in range(0, len(pcm), _CHUNK_BYTES):
                await response.write(pcm[start : start + _CHUNK_BYTES])
                if self.failing == "broken":
                    assert request.transport is not None
                    request.transport.abort()
                await asyncio.sleep(self.chunk_seconds)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            self.unfinished += 1
            raise
        self.last_bytes.append(time.monotonic())
        return response


def _check(body: dict[str, Any]) -> None:
    report = ParamValidator().validate(body, _SHAPE)
    if report.has_errors():
        raise validation_error(report.generate_report())
    for name in ("Engine", "VoiceId", "TextType", "OutputFormat"):
        allowed = _SHAPE.members[name].enum
        if body.get(name) not in allowed:
            raise validation_error(f"{name}: got {body.get(name)}, allowed are {', '.join(allowed)}")
    if body.get("SampleRate") not in _RATES.get(body["OutputFormat"], ()):
        raise validation_error(f"SampleRate: got {body.get('SampleRate')} for {body['OutputFormat']}")
    if not 0 < len(body["Text"]) <= _CHARACTERS:
        raise validation_error(f"Text must have 1 to {_CHARACTERS} characters")
