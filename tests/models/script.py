"""What the stand-ins for models say: which words make them speak, and which make them call a tool."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = {word: str(value) for value, word in enumerate(_WORDS)}


@dataclass(frozen=True, kw_only=True)
class Say:
    text: str


@dataclass(frozen=True, kw_only=True)
class CallTool:
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def answer(heard: str) -> Say | CallTool:
    """The model's next step after the caller's words; what fits no rule is said back."""
    words = re.findall(r"[a-z0-9]+", heard.lower())
    if "order" in words:
        number = "".join(_DIGITS.get(word, word) for word in words if word in _DIGITS or word.isdigit())
        return CallTool(name="find_order", arguments={"order_number": number})
    if "time" in words:
        return CallTool(name="current_time", arguments={"time_zone": "Asia/Tokyo" if "tokyo" in words else "UTC"})
    if "human" in words or "transfer" in words:
        return CallTool(name="transfer_to_human", arguments={"reason": "the caller asks for a human"})
    if "bye" in words or "goodbye" in words:
        return CallTool(name="end_call")
    if "count" in words:
        return Say(text="One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen.")
    return Say(text=f"You said: {heard}")


def answer_to_tool(name: str, result: Any) -> Say:
    """What the model says once a tool has answered; it reads the result out, so a test can hear what the model got."""
    said = result if isinstance(result, str) else json.dumps(result)
    return Say(text=f"The answer of {name.replace('_', ' ')} is {said}")
