"""Every template as it was reviewed. `pytest tests/stacks/test_snapshots.py --snapshot-update` accepts a change."""

import json
import re
import shutil
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from stacks.components import connect_function
from tests.stacks.synthesis import (
    DAILY,
    DEPLOYMENTS,
    ENVIRONMENTS,
    PARTS,
    ROOT,
    TELEPHONY,
    TURN_SOURCES,
    Json,
    Synthesize,
    deploy,
)

# The environments share a pipeline and a source of TURN; others have permissions, stacks and variables of their own.
REVIEWED = [
    *((environment, part) for environment in ENVIRONMENTS for part in PARTS),
    ("prod", "encryption"),
    *((name, "agent") for name in ("cascaded", "keyed speech", "speech to speech", "memory")),
    *((name, "connect") for name in TURN_SOURCES),
    ("coturn", "turn"),
    ("own name", "web"),
    ("own issuer", "page"),
    ("local", "telephony"),
    *((name, "telephony") for name in TELEPHONY),
    ("all carriers", "network"),
    ("local", "rooms"),
    *(("all transports", part) for part in ("network", "agent", "connect", "rooms")),
    *((name, "network") for name in DAILY),
    ("customer's VPC", "page"),
]


@pytest.mark.parametrize(("name", "part"), REVIEWED)
def test_the_template_is_the_reviewed_one(
    synthesize: Synthesize, snapshot: SnapshotAssertion, name: str, part: str
) -> None:
    environment, overrides = DEPLOYMENTS[name]
    template = _normalised(synthesize(environment, **overrides).templates[part])
    assert template == snapshot(extension_class=JSONSnapshotExtension)


def test_a_change_of_the_functions_source_needs_no_review_of_the_template(
    synthesize: Synthesize, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edited = tmp_path / "lambda"
    shutil.copytree(ROOT / "lambda", edited)
    with (edited / "connect" / "handler.py").open("a") as handler:
        handler.write("# edited\n")
    monkeypatch.setattr(connect_function, "SOURCE", edited)
    before = synthesize("dev").templates["connect"]
    after = deploy("dev", {}, directory=tmp_path / "cdk.out").templates["connect"]
    assert after != before
    assert _normalised(after) == _normalised(before)


def _normalised(template: Json) -> Json:
    """What a review is about: without asset hashes, construct paths and what CDK's bootstrap check adds."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<asset>", json.dumps(template))
    normalised: Json = {key: value for key, value in json.loads(text).items() if key not in {"Parameters", "Rules"}}
    for resource in normalised["Resources"].values():
        resource.pop("Metadata", None)
    return normalised
