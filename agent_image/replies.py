"""What the scripted brain says: it repeats, tells the time, counts, says goodbye, and else says back what it heard."""

import re
from dataclasses import dataclass
from datetime import datetime

_SMALL_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty")
_DEFAULT_COUNT, _LARGEST_COUNT = 5, 20

# A client may also send text, of any length; speech of more than half a minute helps nobody.
_MAX_CHARACTERS = 400

_TO_REPEAT = re.compile(r"\brepeat(?: after me)?\b\W*(.+)|^\W*(?:please\W+)?say\b\W*(.+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the bot says, and whether it ends the call after it."""

    text: str
    ends_call: bool = False


def reply_to(heard: str, *, goodbye: str, now: datetime) -> Reply:
    """Answer by the first keyword that fits, as hearing is imperfect; what has none is said back."""
    heard = heard[:_MAX_CHARACTERS]
    if said := _TO_REPEAT.search(heard):
        return Reply(text=_sentence(said[1] or said[2]))
    words = re.findall(r"[a-z0-9]+", heard.lower())
    if {"bye", "goodbye"} & {*words} or "hang up" in " ".join(words):
        return Reply(text=goodbye, ends_call=True)
    if "count" in words:
        return Reply(text=_count_to(next(filter(None, map(_number, reversed(words))), _DEFAULT_COUNT)))
    if "time" in words:
        return Reply(text=f"It is {_time_of_day(now)}, universal time.")
    return Reply(text=f"You said: {heard}")


def _time_of_day(now: datetime) -> str:
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
