"""What a call came to, from either pair of programs."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`pair`: types of the candidates that ICE chose, the caller's first; None when there was no call.

    `seconds`: from the offer's sending to the first media, or from the call's beginning to its failure, which is then
    told by `error`, the agent's code, or by `problem`, the caller's own words. `latencies`: seconds from the end of
    speech to the first sound of each answer, None where there was none. `interruptions`: seconds without media before
    each ICE restart's success. `ending`: how the call ended when it was not the caller who ended it. `frames`: of 20 ms
    of audio that came.
    """

    seconds: float
    pair: str | None = None
    error: str | None = None
    problem: str | None = None
    latencies: Sequence[float | None] = ()
    interruptions: Sequence[float] = ()
    ending: str = ""
    frames: int = 0


OUTCOME = TypeAdapter(Outcome)
