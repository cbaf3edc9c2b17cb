"""Every environment and every variant against cdk-nag, cfn-lint and CloudFormation's own rules."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cloudformation_validate import CompositeEngine, Severity

from tests.stacks.synthesis import DAILY, DEPLOYMENTS, ENVIRONMENTS, TELEPHONY, TURN_SOURCES, Synthesize, app_of

type Finding = tuple[str, str]  # rule, construct path

# CDK writes DependsOn beside a reference that implies it.
TOLERATED = {"W3005"}
# CDK's own providers of functions, take no tags; the stack's reach them.
UNTAGGED = "I9040"
PROVIDERS = ("CustomVpcRestrictDefaultSGCustomResourceProvider", "CustomS3AutoDeleteObjectsCustomResourceProvider")


@pytest.fixture(scope="module")
def engine() -> CompositeEngine:
    return CompositeEngine()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_cdk_nag_has_no_finding_that_is_not_acknowledged(synthesize: Synthesize, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    assert _findings(synthesize(environment, **overrides).app) == set()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_acknowledgement_excuses_a_finding(
    synthesize: Synthesize, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, overrides = DEPLOYMENTS[name]
    acknowledged = _acknowledged(synthesize(environment, **overrides).app)
    assert acknowledged
    monkeypatch.setattr(cdk.Validations, "acknowledge", lambda *_rules: None)
    bare, _ = app_of(environment, overrides, directory=tmp_path)
    found = _findings(bare)
    idle = {
        (rule, scope)
        for rule, scope in acknowledged
        if not any(rule == found_rule and path.startswith(f"{scope}/") for found_rule, path in found)
    }
    assert idle == set()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_cloudformations_rules_accept_every_template(
    synthesize: Synthesize, engine: CompositeEngine, name: str
) -> None:
    environment, overrides = DEPLOYMENTS[name]
    problems = [
        f"{found.rule_id} {found.message}"
        for template in synthesize(environment, **overrides).templates.values()
        for found in engine.validate_template(json.dumps(template).encode()).diagnostics
        if found.severity.value >= Severity.WARN.value and found.rule_id not in TOLERATED
    ]
    assert problems == []


# Half a second a template: the other variants are left to the other rules, which know nearly all that these do.
@pytest.mark.parametrize("name", [*ENVIRONMENTS, *TURN_SOURCES, *TELEPHONY, *DAILY])
def test_cfn_lint_accepts_every_template(synthesize: Synthesize, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    templates = synthesize(environment, **overrides).templates.values()
    matches = [match for template in templates for match in lint(json.dumps(template), regions=["us-east-1"])]
    assert [match for match in matches if match.rule.id not in TOLERATED] == []


@pytest.mark.parametrize("name", [*ENVIRONMENTS, *TURN_SOURCES, "all carriers"])
def test_what_can_be_tagged_is_tagged(synthesize: Synthesize, engine: CompositeEngine, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    untagged = {
        diagnostic.message.split("'")[1][:-8]
        for template in synthesize(environment, **overrides).templates.values()
        for diagnostic in engine.validate_template(json.dumps(template).encode()).diagnostics
        if diagnostic.rule_id == UNTAGGED
    }
    assert untagged == {f"{provider}{part}" for provider in PROVIDERS for part in ("Handler", "Role")}


def _findings(app: cdk.App) -> set[Finding]:
    report = AwsSolutionsChecks().validate_scope(app)
    return {
        (violation.rule_name, resource.construct_path or "")
        for violation in report.violations
        for resource in violation.violating_resources
    }


def _acknowledged(app: cdk.App) -> set[Finding]:
    """The findings of cdk-nag that are acknowledged; CDK has notes of its own, which are acknowledged the same way."""
    return {
        (rule.removeprefix("Annotation::"), construct.node.path)
        for construct in app.node.find_all()
        for entry in construct.node.metadata
        if entry.type == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule in entry.data
        if "AwsSolutions-" in rule
    }
