"""What a Dockerfile says about a process: where it works, what is copied there, its variables and its command.

Only what can be had without building is followed: what `RUN` makes isn't there, and `USER` isn't taken on.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

_CONTINUATION = re.compile(r"\\[ \t]*\n(?:[ \t]*#[^\n]*\n)*")
_PASSED_OVER = {"ARG", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME"}
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_FROM = re.compile(r"(?:--platform=\S+\s+)?(?P<base>\S+)(?:\s+as\s+(?P<name>\S+))?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One COPY; `stage` is empty for the build context. The destination is absolute, a folder if it ends with a `/`."""

    stage: str
    sources: tuple[str, ...]
    destination: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage; `base` is an image's name or an earlier stage's."""

    name: str = ""
    base: str = ""
    working_directory: str = "/"
    copies: tuple[Copy, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def parse(text: str) -> list[Stage]:
    """Return the stages, the final one last; ValueError for what this cloud can't follow."""
    stages: list[Stage] = []
    for instruction, argument in _instructions(text):
        if instruction == "FROM":
            stages.append(_begun(stages, argument))
        elif instruction in _READERS and stages:
            stages[-1] = _READERS[instruction](stages[-1], argument)
        elif instruction not in _PASSED_OVER:
            raise ValueError(f"Dockerfile: the embedded cloud can't follow {instruction} {argument[:40]}")
    if not stages:
        raise ValueError("Dockerfile: there is no FROM.")
    return stages


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    for line in _CONTINUATION.sub(" ", text).splitlines():
        instruction, _, argument = line.strip().partition(" ")
        if instruction and not instruction.startswith("#"):
            yield instruction.upper(), argument.strip()


def _begun(stages: list[Stage], argument: str) -> Stage:
    found = _FROM.fullmatch(argument)
    if not found:
        raise ValueError(f"Dockerfile: the embedded cloud can't follow FROM {argument}")
    name, base = found["name"] or str(len(stages)), found["base"]
    before = next((stage for stage in stages if stage.name == base), Stage())
    return replace(before, name=name, base=base, copies=())


def _work_in(stage: Stage, argument: str) -> Stage:
    return replace(stage, working_directory=str(PurePosixPath(stage.working_directory, _expand(argument, stage))))


def _copy(stage: Stage, argument: str) -> Stage:
    words = shlex.split(argument)
    options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
    *sources, destination = (_expand(word, stage) for word in words if not word.startswith("--"))
    is_folder = destination.endswith("/") or destination == "."
    target = f"{PurePosixPath(stage.working_directory, destination)}{'/' if is_folder else ''}"
    copy = Copy(stage=options.get("from", ""), sources=tuple(sources), destination=target)
    return replace(stage, copies=(*stage.copies, copy))


def _set_variables(stage: Stage, argument: str) -> Stage:
    pairs = (word.partition("=") for word in shlex.split(argument))
    return replace(stage, environment=stage.environment | {name: _expand(value, stage) for name, _, value in pairs})


def _set_entry_point(stage: Stage, argument: str) -> Stage:
    return replace(stage, entry_point=_words("ENTRYPOINT", argument), command=())


def _set_command(stage: Stage, argument: str) -> Stage:
    return replace(stage, command=_words("CMD", argument))


def _words(instruction: str, argument: str) -> tuple[str, ...]:
    try:
        words = json.loads(argument)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"Dockerfile: {instruction} has to be a JSON array of strings in the embedded cloud.")
    return tuple(words)


def _expand(text: str, stage: Stage) -> str:
    """Put the values of earlier variables in; one that only the base image has is left out."""
    return _VARIABLE.sub(lambda match: stage.environment.get(match[1], ""), text)


_READERS: dict[str, Callable[[Stage, str], Stage]] = {
    "ADD": _copy,
    "CMD": _set_command,
    "COPY": _copy,
    "ENTRYPOINT": _set_entry_point,
    "ENV": _set_variables,
    "WORKDIR": _work_in,
}
