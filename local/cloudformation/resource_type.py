"""What a CloudFormation resource type is here: the properties it knows, and how it is made, changed and removed."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
