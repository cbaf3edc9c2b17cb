"""What the scripted brain says: it repeats, counts, calls tools, remembers a turn, and else says back what it heard."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

_SMALL_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty")
_DEFAULT_COUNT, _LARGEST_COUNT = 5, 20
_TIME_ZONES = {
    "berlin": "Europe/Berlin",
    "london": "Europe/London",
    "new york": "America/New_York",
    "paris": "Europe/Paris",
    "sydney": "Australia/Sydney",
    "tokyo": "Asia/Tokyo",
}

# A client may also send text, of any length; speech of more than half a minute helps nobody.
_MAX_CHARACTERS = 400

_TO_REPEAT = re.compile(r"\brepeat(?: after me)?\b\W*(.+)|^\W*(?:please\W+)?say\b\W*(.+)", re.IGNORECASE)
_PRESSED = re.compile(r"I pressed on my keypad: ([0-9*#]+)")
_KEYS = {**{str(number): word for number, word in enumerate(_SMALL_NUMBERS[:10])}, "*": "star", "#": "hash"}
_MACHINE = "answering machine"
_MESSAGE = "This is a message of the shop. Please call us back."
_NOT_HEARD = "Sorry, I did not hear you."


@dataclass(frozen=True, kw_only=True)
class Say:
    """A sentence."""

    text: str


@dataclass(frozen=True, kw_only=True)
class CallTool:
    """A call of one of the bot's tools."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def next_step(messages: Sequence[Any], *, now: datetime) -> Say | CallTool:
    """The brain's answer to a context: to the caller's words, or to a tool's result, whichever stands last."""
    match messages:
        case [*earlier, {"role": "user", "content": heard}]:
            return reply_to(str(heard), before=_last_words(earlier), now=now)
        case [*earlier, {"role": "tool", "content": result, "tool_call_id": call}]:
            return answer_to_tool(_tool_name(earlier, call), _read(result))
        case [*_, {"role": "developer", "content": str(instruction)}] if _MACHINE in instruction:
            return Say(text=_MESSAGE)
    # Pipecat's aggregator asks for a reply in the developer's name when it heard a voice, but no words.
    return Say(text=_NOT_HEARD)


def reply_to(heard: str, *, before: str, now: datetime) -> Say | CallTool:
    """Answer by the first keyword that fits, as hearing is imperfect; what has none is said back.

    `before` is what the caller said in the turn before.
    """
    heard = heard[:_MAX_CHARACTERS]
    if pressed := _PRESSED.search(heard):
        return Say(text=f"You pressed {', '.join(_KEYS[key] for key in pressed[1])}.")
    if said := _TO_REPEAT.search(heard):
        return Say(text=_sentence(said[1] or said[2]))
    words = re.findall(r"[a-z0-9]+", heard.lower())
    return (
        _tool_for(words)
        or _saying_for(words, before=before[:_MAX_CHARACTERS], now=now)
        or Say(text=f"You said: {heard}")
    )


def _tool_for(words: Sequence[str]) -> CallTool | None:
    text = " ".join(words)
    if {"bye", "goodbye"} & {*words} or "hang up" in text:
        return CallTool(name="end_call")
    if "human" in words:
        return CallTool(name="transfer_to_human", arguments={"reason": "the caller asks for a human"})
    if "order" in words:
        return CallTool(name="find_order", arguments={"order_number": "".join(_digits(words))})
    city = next((city for city in _TIME_ZONES if city in text), None)
    if "time" in words and city:
        return CallTool(name="current_time", arguments={"time_zone": _TIME_ZONES[city]})
    return None


def _saying_for(words: Sequence[str], *, before: str, now: datetime) -> Say | None:
    if "before" in words and "say" in words:
        return Say(text=f"Before, you said: {before}" if before else "Before, you said nothing.")
    if "count" in words:
        return Say(text=_count_to(next(filter(None, map(_number, reversed(words))), _DEFAULT_COUNT)))
    if "time" in words:
        return Say(text=f"It is {_time_of_day(now.time())}, universal time.")
    return None


def answer_to_tool(name: str, result: Any) -> Say:
    """Say what a tool answered: in its own words for the tools that this bot has, and as it is for any other."""
    match name, result:
        case _, {"error": error}:
            return Say(text=f"Sorry, that did not work: {error}.")
        case "find_order", {"order_number": number, "item": item, "status": status}:
            return Say(text=f"Order {number}, {item}, is {status}.")
        case "find_order", {"unknown_order": number}:
            return Say(text=f"There is no order {number or 'without a number'}.")
        case "transfer_to_human", {"nobody": nobody}:
            return Say(text=f"I am sorry, {nobody}.")
        case "current_time", {"time_zone": zone, "time": clock}:
            city = zone.rpartition("/")[2].replace("_", " ")
            return Say(text=f"In {city}, it is {_time_of_day(time.fromisoformat(clock))}.")
    return Say(text=f"The answer is {json.dumps(result)[:_MAX_CHARACTERS]}.")


def _last_words(messages: Sequence[Any]) -> str:
    said = (message["content"] for message in reversed(messages) if message.get("role") == "user")
    return str(next(said, ""))


def _tool_name(messages: Sequence[Any], call: str) -> str:
    calls = (each for message in reversed(messages) for each in message.get("tool_calls", ()))
    return next((str(each["function"]["name"]) for each in calls if each["id"] == call), "")


def _read(result: str) -> Any:
    """A tool's result is JSON; Pipecat's own words on one (CANCELLED) are not."""
    try:
        return json.loads(result)
    except ValueError:
        return {"error": result.lower()}


def _digits(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.isdigit():
            yield word
        elif word in _SMALL_NUMBERS[:10]:
            yield str(_SMALL_NUMBERS.index(word))


def _time_of_day(now: time) -> str:
    """The time on a clock face: "ten forty-two", "ten oh five", "ten o'clock"."""
    hour = _in_words(now.hour % 12 or 12)
    if now.minute == 0:
        return f"{hour} o'clock"
    return f"{hour} {'oh ' if now.minute < 10 else ''}{_in_words(now.minute)}"


def _count_to(last: int) -> str:
    return _sentence(", ".join(map(_in_words, range(1, last + 1))) + ".")


def _number(word: str) -> int | None:
    if word.isdigit():
        return min(int(word), _LARGEST_COUNT)
    return _SMALL_NUMBERS.index(word) if word in _SMALL_NUMBERS else None


def _in_words(number: int) -> str:
    if number < len(_SMALL_NUMBERS):
        return _SMALL_NUMBERS[number]
    ten, one = divmod(number, 10)
    return _TENS[ten] + (f"-{_SMALL_NUMBERS[one]}" if one else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
