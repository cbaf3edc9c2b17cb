"""cdk-nag findings that stand: each beside the construct it is about, with its evidence."""

import json
from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Let findings stand below the construct; `reasons` maps a rule's id to a sentence of evidence."""
    rules = [cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items()]
    cdk.Validations.of(construct).acknowledge(*rules)


def acknowledge_wildcards(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Let policy resources with a wildcard stand; `reasons` maps the resource, as the statement has it, to evidence."""
    stack = cdk.Stack.of(construct)
    acknowledge(
        construct,
        {
            f"AwsSolutions-IAM5[Resource::{_flattened(stack.resolve(resource))}]": reason
            for resource, reason in reasons.items()
        },
    )


def _flattened(resource: object) -> str:
    """The text by which cdk-nag names a resource: references as <LogicalId>, joins joined, others in JSON."""
    match resource:
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(map(_flattened, parts))
        case {"Fn::GetAtt": [logical_id, attribute]}:
            return f"<{logical_id}.{attribute}>"
        case {"Ref": logical_id}:
            return f"<{logical_id}>"
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "<").replace("}", ">")
        case dict():
            return json.dumps(resource, separators=(",", ":"))
    return str(resource)
