"""Teach ministack's CloudFormation more resource types, and correct some of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services.cloudformation import provisioners, stacks

from local.cloudformation.resource_type import Properties, Resource, ResourceType, WaitingType

Attributes = Mapping[str, str]
Made = tuple[str, dict[str, str]]


def add_resource_type(resource_type: ResourceType) -> None:
    """Let stacks have resources of this type."""

    def create(_logical_id: str, properties: Properties, _stack_name: str) -> Made:
        resource_type.check(properties)
        return _made(resource_type.create(properties))

    def update(physical_id: str, _old: Properties, properties: Properties, _stack_name: str) -> Made:
        resource_type.check(properties)
        return _made(resource_type.update(physical_id, properties))

    def delete(physical_id: str, _properties: Properties) -> None:
        resource_type.delete(physical_id)

    provisioners._RESOURCE_HANDLERS[resource_type.name] = {"create": create, "update": update, "delete": delete}
    provisioners._REPLACING_PROPERTIES[resource_type.name] = resource_type.create_only
    _choose_thread(resource_type.name, is_worker=isinstance(resource_type, WaitingType))


@dataclass(frozen=True, kw_only=True)
class Correction:
    """How one of ministack's own types is corrected."""

    properties: Callable[[Properties], Properties] = dict
    """What the type is given in place of a template's properties."""

    attributes: Callable[[str, Attributes], Attributes] = lambda _own_id, attributes: attributes
    """What Fn::GetAtt gives, from the type's own id and its own attributes."""

    ref: Callable[[str, Attributes], str] = lambda own_id, _attributes: own_id
    """What Ref gives, which is the physical id, from the same."""

    own_id: Callable[[str], str] = str
    """The way back from that physical id to the type's own."""


def correct_resource_type(name: str, correction: Correction) -> None:
    """Put a correction around one of ministack's own types."""
    handlers = provisioners._RESOURCE_HANDLERS[name]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def corrected(own_id: str, attributes: Attributes) -> Made:
        return correction.ref(own_id, attributes), dict(correction.attributes(own_id, attributes))

    def corrected_create(logical_id: str, given: Properties, stack_name: str) -> Made:
        return corrected(*create(logical_id, correction.properties(given), stack_name))

    def corrected_update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Made:
        own_id = correction.own_id(physical_id)
        return corrected(*update(own_id, correction.properties(old), correction.properties(new), *rest))

    def corrected_delete(physical_id: str, *rest: Any) -> None:
        delete(correction.own_id(physical_id), *rest)

    handlers.update(create=corrected_create, update=corrected_update, delete=corrected_delete)


def _made(resource: Resource) -> Made:
    return resource.physical_id, dict(resource.attributes)


def _choose_thread(name: str, *, is_worker: bool) -> None:
    """Keep even a Custom:: type off the worker thread that lets a stack go on in the background: see clients.py.

    A type that waits is the exception: it asks the event loop, which therefore must not be what waits.
    """
    runs_on_worker_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: (
        is_worker if resource_type == name else runs_on_worker_thread(resource_type)
    )
