"""Reads a frozen model out of the CDK app's context: picks the environment, applies -c overrides, collects mistakes."""

import copy
import difflib
import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stacks.configuration.errors import Mistake, ParameterError

DEFAULT_ENVIRONMENT: Final = "dev"
# Context that is the CDK's own: feature flags and look-ups have a mark in their names, the CLI's two switches do not.
CDK_MARKS: Final = frozenset("@:")
CDK_SWITCHES: Final = frozenset({"acknowledged-issue-numbers", "cli-telemetry"})

type Schema = Mapping[str, Any]
type Values = dict[str, Any]


def load[Model: BaseModel](model: type[Model], context: Mapping[str, object]) -> Model:
    """Validate `environments[env]` with its overrides; raises ParameterError with every mistake."""
    environment, values = _chosen_environment(context)
    schemas = field_schemas(model)
    settable = _settable(schemas)
    overrides = {name: value for name, value in context.items() if _is_override(name)}
    unknown = [_unknown_name(name, value, settable) for name, value in overrides.items() if name not in settable]
    if "environment" in values:
        unknown.append(_unknown_name("environment", values["environment"], settable))
    for name in overrides.keys() & settable:
        _override(values, name=name, value=overrides[name], schema=schemas[name])
    loaded, wrong = _validate(model, values | {"environment": environment}, schemas)
    if loaded is None or unknown:
        raise ParameterError(*unknown, *wrong)
    return loaded


def field_schemas(model: type[BaseModel]) -> dict[str, Schema]:
    """JSON schema of each value by its dotted name, in the model's order; a model nests one level deep."""
    root = model.model_json_schema()
    schemas: dict[str, Schema] = {}
    for name, schema in root["properties"].items():
        if "$ref" in schema:
            section = root["$defs"][schema["$ref"].rpartition("/")[2]]
            schemas |= {f"{name}.{inner}": inner_schema for inner, inner_schema in section["properties"].items()}
        else:
            schemas[name] = schema
    return schemas


def allowed_values(schema: Schema) -> str:
    """What a value may be, in words."""
    match schema:
        case {"allowed": str(allowed)}:
            return allowed
        case {"enum": choices}:
            return ", ".join(map(str, choices))
        case {"anyOf": [given, _]}:
            return allowed_values(given)
        case {"type": "array", "items": item}:
            return f"{_how_many(schema)} of: {allowed_values(item)}; each once"
        case {"minimum": least, "maximum": most}:
            return f"{least} to {most}"
        case {"type": "boolean"}:
            return "true, false"
    return "text"


def _how_many(schema: Schema) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    return f"{least} to {most}" if most else f"{least} or more"


def _chosen_environment(context: Mapping[str, object]) -> tuple[str, Values]:
    environments, name = context.get("environments"), str(context.get("env", DEFAULT_ENVIRONMENT))
    entries = environments if isinstance(environments, Mapping) else {}
    known = {entry: values for entry, values in entries.items() if isinstance(values, Mapping)}
    if name not in known:
        raise ParameterError(
            Mistake(
                path="env",
                got=name,
                allowed=f"an environment in cdk.json: {', '.join(known) or 'none was found'}",
                remedy="pass -c env=NAME in the folder of cdk.json, or add the environment there",
            )
        )
    return name, copy.deepcopy(dict(known[name]))


def _is_override(name: str) -> bool:
    return name not in CDK_SWITCHES | {"env", "environments"} and not CDK_MARKS & set(name)


def _settable(schemas: Mapping[str, Schema]) -> set[str]:
    """Names that an entry or `-c` may give: `environment` is the entry's own name."""
    return {*schemas} - {"environment"}


def _unknown_name(name: str, value: object, settable: Collection[str]) -> Mistake:
    near = _nearest(name, {*settable, "env"})
    return Mistake(
        path=name,
        got=value,
        allowed="the names in docs/configuration.md",
        remedy=f"use {' or '.join(near)}" if near else "remove it",
    )


def _nearest(name: str, known: Collection[str]) -> list[str]:
    """The values of a section, a value whose section was left out, a name with something added, or similar names."""
    related = [
        other for other in known if other.startswith(f"{name}.") or other.endswith(f".{name}") or name.startswith(other)
    ]
    return sorted(related) or difflib.get_close_matches(name, known, n=2)


def _parsed(value: object, schema: Schema) -> object:
    """What `-c name=text` means for the field: the text itself, a list as JSON or with commas, or any other JSON."""
    kind = schema.get("type", "string")
    if not isinstance(value, str) or kind == "string":
        return value
    if kind == "array" and not value.startswith("["):
        return [item.strip() for item in value.split(",")]
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _override(values: Values, *, name: str, value: object, schema: Schema) -> None:
    """Set a value in place. Empty text (`-c name=`) takes it out, so that the default applies."""
    section, _, field = name.rpartition(".")
    target = values.setdefault(section, {}) if section else values
    if not isinstance(target, dict):
        return
    if value == "":
        target.pop(field, None)
    else:
        target[field] = _parsed(value, schema)


def _validate[Model: BaseModel](
    model: type[Model], values: Values, schemas: Mapping[str, Schema]
) -> tuple[Model | None, list[Mistake]]:
    """The model, or its mistakes. Rules between values are judged without the values that are wrong in themselves."""
    try:
        return model.model_validate(values), []
    except ParameterError as error:
        return None, list(error.mistakes)
    except ValidationError as error:
        wrong = [_wrong_value(detail, schemas) for detail in error.errors()]
    paths = {mistake.path for mistake in wrong}
    _, contradictions = _validate(model, _without(values, paths), schemas)
    return None, [*wrong, *(mistake for mistake in contradictions if paths.isdisjoint(_rests_on(mistake)))]


def _wrong_value(detail: ErrorDetails, schemas: Mapping[str, Schema]) -> Mistake:
    location = [str(part) for part in detail["loc"]]
    path = location[0] if location[0] in schemas else ".".join(location[:2])
    settable = _settable(schemas)
    if detail["type"] == "extra_forbidden":
        return _unknown_name(path, detail["input"], settable)
    return Mistake(
        path=path,
        got=detail["input"],
        allowed=allowed_values(schemas[path]) if path in schemas else "a group of names and values",
        remedy="change it in cdk.json" + (f", or pass -c {path}=VALUE" if path in settable else ""),
    )


def _without(values: Values, paths: Collection[str]) -> Values:
    return {
        name: {inner: kept for inner, kept in value.items() if f"{name}.{inner}" not in paths}
        if isinstance(value, dict)
        else value
        for name, value in values.items()
        if name not in paths
    }


def _rests_on(mistake: Mistake) -> set[str]:
    """Every value behind a verdict, and the sections they are in."""
    paths = {mistake.path, *mistake.depends_on}
    return paths | {path.partition(".")[0] for path in paths}
