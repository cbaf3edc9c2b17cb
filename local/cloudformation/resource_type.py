"""What a CloudFormation resource type is here: the properties it knows, and how it is made, changed and removed."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

Properties = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A made resource: what Ref gives and what Fn::GetAtt gives."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class ResourceType(ABC):
    """A type of the provider schemas (CloudFormation registry, 2026-10-20), as far as it is supported here.

    A change of a create-only property makes a new resource and then removes the old one; other changes call `update`.
    What goes wrong is raised: its text becomes the reason of the failed stack event.
    """

    name: ClassVar[str]
    required: ClassVar[frozenset[str]] = frozenset()
    optional: ClassVar[frozenset[str]] = frozenset()
    create_only: ClassVar[frozenset[str]] = frozenset()

    def check(self, properties: Properties) -> None:
        """Raise ValueError naming every property that is missing or that this cloud would silently ignore."""
        missing = sorted(self.required - properties.keys())
        unknown = sorted(properties.keys() - self.required - self.optional)
        problems = [f"required key [{key}] not found" for key in missing]
        problems += [f"key [{key}] is not supported by the embedded cloud" for key in unknown]
        if problems:
            raise ValueError(f"Properties validation failed for {self.name}: {'; '.join(problems)}.")

    @abstractmethod
    def create(self, properties: Properties) -> Resource:
        """Make the resource."""

    @abstractmethod
    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Bring the resource to the new properties."""

    @abstractmethod
    def delete(self, physical_id: str) -> None:
        """Remove the resource; not an error when it is gone already."""


class WaitingType(ResourceType):
    """A type whose work takes time: a thread of CloudFormation's waits, while the work is done on the event loop.

    The loop is the one that runs when the type is made.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def create(self, properties: Properties) -> Resource:
        """Wait for `make`."""
        return self._wait(self.make(properties))

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Wait for `change`."""
        return self._wait(self.change(physical_id, properties))

    def delete(self, physical_id: str) -> None:
        """Wait for `remove`."""
        self._wait(self.remove(physical_id))

    @abstractmethod
    async def make(self, properties: Properties) -> Resource:
        """Make the resource."""

    @abstractmethod
    async def change(self, physical_id: str, properties: Properties) -> Resource:
        """Bring the resource to the new properties."""

    @abstractmethod
    async def remove(self, physical_id: str) -> None:
        """Remove the resource; not an error when it is gone already."""

    def _wait[Result](self, work: Coroutine[None, None, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
