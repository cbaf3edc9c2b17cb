"""How a command fails: one exit code a kind of failure, and words that say what to do."""

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Self

_SECRETS = (
    (re.compile(r"\b(?:https?|wss?)://\S+", re.IGNORECASE), "[URL]"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*"), "[token]"),
)
_LONGEST_TEXT_CHARACTERS = 400


class ExitCode(IntEnum):
    """Exit codes of the operator's commands; `meaning` is the line that --help prints."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """The member behind `NAME = code, meaning`."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "the call went well and every sentence was understood"
    USAGE = 2, "the command line is wrong, or the recording cannot be saved"
    SIGN_IN = 10, "sign-in failed, or the temporary user could not be deleted"
    SIGNING = 11, "the connect API did not start, connect or stop the session"
    CONNECTING = 12, "the connection was refused, or ended before the dialogue was over"
    SILENCE = 13, "the bot was not ready, or not heard, in time"
    WORDS = 14, "the bot heard other words than were said"
    DEPLOYMENT = 15, "the deployment was not found, or cannot be read"
    INTERRUPTED = 130, "interrupted from the keyboard"


class OperatorError(Exception):
    """An expected failure, told in words: the problem, its likely causes, what to do next.

    Texts from outside (service messages, exceptions) may be passed as they are: URLs and tokens are struck out here.
    """

    def __init__(
        self, *, exit_code: ExitCode, problem: str, causes: Sequence[str] = (), next_steps: Sequence[str] = ()
    ) -> None:
        self.exit_code = exit_code
        self.problem = redact(problem)
        self.causes = tuple(map(redact, causes))
        self.next_steps = tuple(map(redact, next_steps))
        super().__init__(self.problem)


def redact(text: str) -> str:
    """The text on one line without URLs, tokens and control characters, cut to a readable length."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return printable(text)[:_LONGEST_TEXT_CHARACTERS]


def printable(text: str) -> str:
    """The text on one line, without the control characters that could drive a terminal."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
