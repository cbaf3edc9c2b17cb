"""Writes docs/configuration.md out of the models, the rules and cdk.json, so that it cannot say anything else."""

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stacks import regions
from stacks.configuration.context import allowed_values, field_schemas
from stacks.configuration.region_rules import REGION_RULES
from stacks.configuration.rules import RULES
from stacks.parameters import ParameterError, Parameters, load_parameters

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "configuration.md"
COMMAND: Final = "python -m stacks.configuration_docs"
UNITS: Final = {
    "_sessions_per_second": "sessions a second",
    "_per_second": "requests a second",
    "_sessions": "sessions",
    "_seconds": "seconds",
    "_requests": "requests",
    "_bytes": "bytes",
    "_days": "days",
    "_per_minute": "calls a minute",
    "_per_minute_per_caller": "calls a minute",
    "_tasks": "containers",
    "_streams_per_task": "calls",
    "_zone_count": "zones",
    "server_count": "servers",
    "max_participants": "people",
    "_prefix_length": "bits",
}
OFFERS: Final = {
    "V2": regions.offers_platform_v2,
    "KVS signaling": regions.offers_signaling_channels,
    "Transcribe streaming": regions.offers_transcribe_streaming,
    "Polly": regions.offers_polly,
    "AgentCore Memory": regions.offers_memory,
    "The page": regions.offers_cloudfront,
    "The page's log": regions.takes_cloudfront_logs,
}
TEMPLATE: Final = """\
<!-- Written by `{command}` out of stacks/parameters.py and cdk.json: change those. -->

# Configuration

Each entry of `context.environments` in `cdk.json` is one deployment. What an entry leaves out has its default.

{environments}

`-c env=NAME` chooses the entry (dev without it). `-c NAME=VALUE` replaces one value, for this run only:

```sh
npx cdk deploy --all -c env=staging -c agent.idle_timeout_seconds=300 -c transports=websocket,webrtc
```

Lists are written with commas or as JSON. `-c NAME=` takes a value out, so that its default applies. Unknown names are
refused, and all mistakes are told at once:

```text
$ npx cdk synth -c env=prod -c agent.idle_timout_seconds=300 -c connect.authorizer=none
{mistakes}
```

{sections}

## Rules between values

{rules}

## Regions

AgentCore Runtime is offered in these regions. `stacks/regions.py` names the sources and their dates. A model left out
of `agent.model_id` is the one in the last two columns, the first of several.

{regions}
"""


def render() -> str:
    """The text of docs/configuration.md."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return TEMPLATE.format(
        command=COMMAND,
        environments=_environments(context),
        mistakes=_mistakes(context),
        sections="\n\n".join(_sections()),
        rules="\n".join(f"- {inspect.getdoc(rule)}" for rule in (*RULES, *REGION_RULES)),
        regions=_regions(),
    )


def _environments(context: dict[str, Any]) -> str:
    entries: Mapping[str, Mapping[str, Any]] = context["environments"]
    loaded = [load_parameters(context | {"env": name}).model_dump(mode="json") for name in entries]
    rows = [
        [f"`{name}`", *(_value(_look_up(values, name)) for values in loaded)]
        for name in field_schemas(Parameters)
        if any(_look_up(entry, name) is not None for entry in entries.values())
    ]
    return _table(["Name", *entries], rows)


def _look_up(values: Mapping[str, Any], name: str) -> Any:
    section, _, field = name.rpartition(".")
    return (values.get(section, {}) if section else values).get(field)


def _mistakes(context: dict[str, Any]) -> str:
    try:
        load_parameters(context | {"env": "prod", "agent.idle_timout_seconds": "300", "connect.authorizer": "none"})
    except ParameterError as error:
        return str(error)
    raise RuntimeError("the example of mistakes is accepted; write another")


def _sections() -> Iterator[str]:
    schemas = field_schemas(Parameters)
    yield _section("General", inspect.getdoc(Parameters), [name for name in schemas if "." not in name])
    for section, field in Parameters.model_fields.items():
        if names := [name for name in schemas if name.startswith(f"{section}.")]:
            yield _section(f"`{section}`", inspect.getdoc(field.annotation), names)


def _section(title: str, text: str | None, names: Iterable[str]) -> str:
    schemas = field_schemas(Parameters)
    rows = [
        [
            f"`{name}`",
            allowed_values(schemas[name]),
            next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), ""),
            _value(schemas[name]["default"]),
            schemas[name]["description"],
        ]
        for name in names
    ]
    return f"## {title}\n\n{text}\n\n{_table(['Name', 'Allowed', 'Unit', 'Default', 'Meaning'], rows)}"


def _regions() -> str:
    rows = [
        [
            f"`{region}`",
            ", ".join(zone_ids),
            *("yes" if offered_in(region) else "" for offered_in in OFFERS.values()),
            f"`{nova_lite}`" if (nova_lite := regions.nova_lite(region)) else "",
            ", ".join(f"`{model_id}`" for model_id in regions.speech_to_speech_models(region)),
        ]
        for region, zone_ids in regions.AVAILABILITY_ZONE_IDS.items()
    ]
    return _table(["Region", "Zone ids", *OFFERS, "Nova Lite, cascaded", "Nova Sonic, speech_to_speech"], rows)


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    text = value if isinstance(value, str) else json.dumps(value)
    return "" if value is None else f"`{text}`"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
