"""Nova Sonic's stand-in is as strict as it says: these are refused, so that a call which passes has done none of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.aws_http.identity import Credential
from tests.models.nova_sonic_events import Events, OutOfOrderError
from tests.models.nova_sonic_framing import Decoder, FramingError, Message, SignatureChain, decode

_CREDENTIAL = Credential(
    access_key_id="ASIATEST", secret_access_key="secret", session_token="token", principal_arn="arn", account_id="1"
)
_NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_START = {"sessionStart": {"inferenceConfiguration": {"maxTokens": 1024, "topP": 0.9, "temperature": 0.7}}}
_AUDIO_OUT = {
    "mediaType": "audio/lpcm",
    "sampleRateHertz": 16_000,
    "sampleSizeBits": 16,
    "channelCount": 1,
    "voiceId": "tiffany",
    "encoding": "base64",
    "audioType": "SPEECH",
}
_PROMPT = {"promptStart": {"promptName": "p", "audioOutputConfiguration": _AUDIO_OUT}}
_AUDIO_IN = {"sampleRateHertz": 16_000, "encoding": "base64"}
_AUDIO = {
    "contentStart": {
        **{"promptName": "p", "contentName": "audio", "type": "AUDIO", "role": "USER", "interactive": True},
        "audioInputConfiguration": _AUDIO_IN,
    }
}
_BEGIN = [_START, _PROMPT, _AUDIO]


def chain() -> SignatureChain:
    return SignatureChain(credential=_CREDENTIAL, region="us-east-1", service="bedrock", prior="00" * 32)


def signed(payload: bytes, *, by: SignatureChain, at: datetime = _NOW) -> Message:
    return Message(headers={":date": at, ":chunk-signature": by._sign(payload, at)}, payload=payload)


def test_each_signature_must_follow_the_one_before() -> None:
    client, server = chain(), chain()
    first = signed(b"first", by=client)
    client.open(first, now=_NOW)
    second = signed(b"second", by=client)

    with pytest.raises(FramingError, match="signature"):
        server.open(second, now=_NOW)
    assert server.open(first, now=_NOW) == b"first"
    with pytest.raises(FramingError, match="signature"):
        server.open(first, now=_NOW)
    assert server.open(second, now=_NOW) == b"second"


@pytest.mark.parametrize(
    "message",
    [
        Message(headers=signed(b"one", by=chain()).headers, payload=b"two"),
        Message(headers={":date": _NOW}, payload=b"one"),
        signed(b"one", by=chain(), at=_NOW - timedelta(hours=1)),
        signed(b"one", by=replace(chain(), credential=replace(_CREDENTIAL, secret_access_key="the next one"))),
        signed(
            b"one", by=SignatureChain(credential=_CREDENTIAL, region="eu-north-1", service="bedrock", prior="00" * 32)
        ),
    ],
)
def test_a_wrong_signature_is_refused(message: Message) -> None:
    with pytest.raises(FramingError):
        chain().open(message, now=_NOW)


def test_framing_survives_any_cut_and_no_change() -> None:
    data = signed(b"payload", by=chain()).encode()
    decoder = Decoder()
    messages = [message for byte in data for message in decoder.feed(bytes([byte]))]
    assert [message.payload for message in messages] == [b"payload"]
    with pytest.raises(FramingError):
        decode(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])


def text(role: str, *, interactive: bool = False, name: str = "text") -> list[dict[str, Any]]:
    names = {"promptName": "p", "contentName": name}
    form = {"type": "TEXT", "role": role, "interactive": interactive}
    return [
        {"contentStart": {**names, **form, "textInputConfiguration": {"mediaType": "text/plain"}}},
        {"textInput": {**names, "content": "words"}},
        {"contentEnd": names},
    ]


def result(tool_use_id: str) -> dict[str, Any]:
    configuration = {"toolUseId": tool_use_id}
    form = {"promptName": "p", "contentName": "r", "type": "TOOL", "role": "TOOL", "interactive": False}
    return {"contentStart": {**form, "toolResultInputConfiguration": configuration}}


def cases() -> Iterator[Any]:
    yield pytest.param([_PROMPT], "promptStart before sessionStart", id="no session")
    yield pytest.param([_START, _START], "a second sessionStart", id="two sessions")
    yield pytest.param([_START, text("SYSTEM")[0]], "outside of a prompt", id="no prompt")
    yield pytest.param([_START, _PROMPT, text("ASSISTANT")[0]], "begin with USER", id="history begins with the model")
    yield pytest.param([*_BEGIN, text("USER")[0]], "history after", id="history after audio")
    yield pytest.param([_START, _PROMPT, text("USER", interactive=True)[0]], "follow audio", id="question before audio")
    yield pytest.param([*_BEGIN, _AUDIO], "came twice", id="audio twice")
    yield pytest.param([*_BEGIN, result("another")], "didn't call", id="unknown tool call")
    yield pytest.param([*_BEGIN, {"promptEnd": {"promptName": "p"}}], "is open", id="audio not closed")
    yield pytest.param([_START, _PROMPT, {"sessionEnd": {}}], "before promptEnd", id="prompt not ended")
    end = {"contentEnd": {"promptName": "p", "contentName": "audio"}}
    after = [*_BEGIN, end, {"promptEnd": {"promptName": "p"}}, {"sessionEnd": {}}, end]
    yield pytest.param(after, "after sessionEnd", id="after the end")


@pytest.mark.parametrize(("events", "sentence"), [*cases()])
def test_events_out_of_order_are_refused(events: list[dict[str, Any]], sentence: str) -> None:
    *before, last = events
    stream = Events()
    for event in before:
        stream.take(event)
    with pytest.raises(OutOfOrderError, match=sentence):
        stream.take(last)
