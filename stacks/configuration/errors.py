"""How mistakes in the parameters are told: all at once, each with its value, what is allowed and what to do."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One value that cannot be deployed. `depends_on` names the other values that the verdict rests on."""

    path: str
    got: object
    allowed: str
    remedy: str
    depends_on: tuple[str, ...] = ()

    def __str__(self) -> str:
        got = "nothing" if self.got is None else json.dumps(self.got, ensure_ascii=False)
        return f"{self.path}\n  got: {got}\n  allowed: {self.allowed}\n  do: {self.remedy}"


class ParameterError(Exception):
    """Every mistake in the parameters. Not a ValueError: pydantic would fold it into an error of its own."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{count} in the parameters", *map(str, mistakes)]))
