"""The order and the form of the events that Nova Sonic takes; what is out of order is refused.

https://docs.aws.amazon.com/nova/latest/nova2-userguide/sonic-input-events.html. Stricter than the service may be: a
history must begin with the caller, must be told before the audio begins, and every content must be closed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class OutOfOrderError(Exception):
    """An event that may not come now, or not so."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A whole text that came; `interactive` ones want an answer."""

    role: str
    text: str
    interactive: bool


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    tool_use_id: str
    text: str


@dataclass(kw_only=True)
class Events:
    """One stream's events, from the first to the last."""

    prompt: Mapping[str, Any] = field(default_factory=dict)
    tools_called: dict[str, str] = field(default_factory=dict)
    _started: bool = False
    _prompt_ended: bool = False
    _ended: bool = False
    _audio_started: bool = False
    _told: list[str] = field(default_factory=list)
    _open: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    @property
    def ended(self) -> bool:
        return self._ended

    def take(self, event: Mapping[str, Any]) -> Text | ToolResult | bytes | None:
        """What an event brings, if it brings anything whole: a text, a tool's result, or audio in base64."""
        _check(len(event) == 1, f"an event must have one kind, got {[*event]}")
        ((kind, content),) = event.items()
        _check(not self._ended, f"{kind} after sessionEnd")
        _check(self._started or kind == "sessionStart", f"{kind} before sessionStart")
        match kind:
            case "sessionStart":
                self._start_session(content)
            case "promptStart":
                self._start_prompt(content)
            case "contentStart":
                self._start_content(content)
            case "audioInput" | "textInput" | "toolResult":
                return self._add(kind, content)
            case "contentEnd":
                return self._end_content(content)
            case "promptEnd":
                _check(not self._open, "promptEnd while a content is open")
                self._in_prompt(kind, content)
                self._prompt_ended = True
            case "sessionEnd":
                _check(self._prompt_ended, "sessionEnd before promptEnd")
                self._ended = True
            case _:
                raise OutOfOrderError(f"an event of the unknown kind {kind}")
        return None

    def _start_session(self, content: Mapping[str, Any]) -> None:
        _check(not self._started, "a second sessionStart")
        inference = content["inferenceConfiguration"]
        _check(inference["maxTokens"] > 0 and 0 <= inference["topP"] <= 1, "inferenceConfiguration is out of range")
        _check(0 <= inference["temperature"] <= 1, "temperature is out of range")
        self._started = True

    def _start_prompt(self, content: Mapping[str, Any]) -> None:
        _check(not self.prompt, "a second promptStart")
        audio = content["audioOutputConfiguration"]
        form = [audio[key] for key in ("mediaType", "sampleSizeBits", "channelCount", "encoding", "audioType")]
        _check(form == ["audio/lpcm", 16, 1, "base64", "SPEECH"], f"audioOutputConfiguration: got {form}")
        _check(audio["sampleRateHertz"] in (8_000, 16_000, 24_000), "sampleRateHertz must be 8000, 16000 or 24000")
        _check(bool(audio["voiceId"]) and bool(content["promptName"]), "voiceId and promptName must not be empty")
        for tool in content.get("toolConfiguration", {}).get("tools", []):
            _check(json.loads(tool["toolSpec"]["inputSchema"]["json"])["type"] == "object", "a tool's schema is wrong")
        self.prompt = content

    def _in_prompt(self, kind: str, content: Mapping[str, Any]) -> None:
        _check(bool(self.prompt) and not self._prompt_ended, f"{kind} outside of a prompt")
        _check(content["promptName"] == self.prompt["promptName"], f"{kind} of another prompt")

    def _start_content(self, content: dict[str, Any]) -> None:
        self._in_prompt("contentStart", content)
        _check(content["contentName"] not in self._names, "a contentName came twice")
        match content:
            case {"type": "AUDIO", "role": "USER", "interactive": True, "audioInputConfiguration": audio}:
                _check(not self._audio_started, "a second content of audio")
                _check(audio["sampleRateHertz"] == 16_000 and audio["encoding"] == "base64", "audio must have 16 kHz")
                self._audio_started = True
            case {"type": "TEXT", "role": role, "textInputConfiguration": {"mediaType": "text/plain"}}:
                self._start_text(role, interactive=content["interactive"])
            case {"type": "TOOL", "role": "TOOL", "toolResultInputConfiguration": {"toolUseId": tool_use_id}}:
                _check(tool_use_id in self.tools_called, "the result of a tool that this stream didn't call")
                _check(self._audio_started, "a tool's result before audio")
            case _:
                raise OutOfOrderError(f"contentStart: got type {content['type']} with role {content.get('role')}")
        self._names.add(content["contentName"])
        self._open[content["contentName"]] = {**content, "parts": []}

    def _start_text(self, role: str, *, interactive: bool) -> None:
        if interactive:
            _check(role == "USER" and self._audio_started, "interactive text must be the caller's, and follow audio")
            return
        _check(not self._audio_started, "history after the begin of audio")
        _check(role in ("SYSTEM", "USER", "ASSISTANT"), f"a text's role: got {role}")
        _check(role != "SYSTEM" or not self._told, "the system's text must be the first content, and the only one")
        _check(role != "ASSISTANT" or self._told[-1:] == ["USER"], "the history must begin with USER, and alternate")
        _check(role != "USER" or self._told[-1:] != ["USER"], "the history must alternate")
        self._told.append(role)

    def _add(self, kind: str, content: Mapping[str, Any]) -> bytes | None:
        self._in_prompt(kind, content)
        block = self._open.get(content["contentName"])
        wanted = {"audioInput": "AUDIO", "textInput": "TEXT", "toolResult": "TOOL"}[kind]
        _check(block is not None and block["type"] == wanted, f"{kind} outside of a content of its type")
        assert block is not None
        if kind == "audioInput":
            return str(content["content"]).encode()
        block["parts"].append(content["content"])
        return None

    def _end_content(self, content: Mapping[str, Any]) -> Text | ToolResult | None:
        self._in_prompt("contentEnd", content)
        block = self._open.pop(content["contentName"], None)
        _check(block is not None, "contentEnd of a content that isn't open")
        assert block is not None
        text = "".join(block["parts"])
        if block["type"] == "TEXT":
            return Text(role=block["role"], text=text, interactive=block["interactive"])
        if block["type"] == "TOOL":
            return ToolResult(tool_use_id=block["toolResultInputConfiguration"]["toolUseId"], text=text)
        return None


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise OutOfOrderError(otherwise)
