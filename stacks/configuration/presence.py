"""Values that a choice needs, and values that it has no use for: both are told by the choice that is to blame."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from stacks.configuration.errors import Mistake


def missing_values(
    section: BaseModel, *, path: str, needed: Mapping[str, str], reason: str, depends_on: tuple[str, ...]
) -> Iterator[Mistake]:
    """A mistake for each empty value; `needed` maps a value's name to the words for what it must be."""
    for name, allowed in needed.items():
        value = getattr(section, name)
        if value in (None, ()):
            yield Mistake(
                path=f"{path}.{name}",
                got=value,
                allowed=f"{allowed}, as {reason}",
                remedy=f"set {path}.{name}",
                depends_on=depends_on,
            )


def superfluous_values(
    section: BaseModel,
    *,
    path: str,
    superfluous: Iterable[str],
    reason: str,
    remedy: str,
    depends_on: tuple[str, ...],
) -> Iterator[Mistake]:
    """A mistake for each value that somebody gave all the same; `remedy` is what to do instead of removing it."""
    for name in superfluous:
        value = getattr(section, name)
        if name in section.model_fields_set and value not in (None, ()):
            yield Mistake(
                path=f"{path}.{name}",
                got=value,
                allowed=f"nothing, as {reason}",
                remedy=f"remove it, or {remedy}",
                depends_on=depends_on,
            )
