import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from stacks.configuration import values
from stacks.parameters import ParameterError, Parameters, load_parameters

CDK_CONTEXT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]


def _cloudformation(resource_type: str) -> dict[str, Any]:
    return dict(PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema)


RUNTIME_NAME = _cloudformation("AWS::BedrockAgentCore::Runtime")["definitions"]["AgentRuntimeName"]["pattern"]
REPOSITORY_NAME = _cloudformation("AWS::ECR::Repository")["properties"]["RepositoryName"]["pattern"]


class TestEnvironments:
    @pytest.mark.parametrize("name", ["dev", "staging", "prod", "local"])
    def test_loads_from_cdk_json(self, name: str) -> None:
        parameters = load_parameters(CDK_CONTEXT | {"env": name})

        assert parameters.environment == name
        assert CDK_CONTEXT["environments"][name]["agent"]["platform_version"] == parameters.agent.platform_version
        assert parameters.transports == ("websocket", "webrtc", *(["daily"] if name == "local" else ()))
        assert parameters.turn_source == "kvs"

    def test_cdk_json_has_no_others(self) -> None:
        assert list(CDK_CONTEXT["environments"]) == ["dev", "staging", "prod", "local"]

    def test_dev_is_the_default(self) -> None:
        assert load_parameters(CDK_CONTEXT).environment == "dev"

    def test_production_is_protected_and_survives_a_zone(self) -> None:
        prod = load_parameters(CDK_CONTEXT | {"env": "prod"})

        assert prod.operations.removal == "retain"
        assert prod.operations.termination_protection
        assert prod.network.nat_gateways == "one_per_zone"
        assert prod.operations.log_encryption == "customer_key"

    @pytest.mark.parametrize("name", ["staging", "prod"])
    def test_the_api_lets_the_peak_of_webrtc_calls_through(self, name: str) -> None:
        parameters = load_parameters(CDK_CONTEXT | {"env": name})

        # A call starts, offers, sends candidates twice or so, and ends.
        requests_per_second = 5 * parameters.turn.peak_new_sessions_per_second
        assert requests_per_second <= parameters.connect.throttle_rate_per_second

    def test_local_leaves_nothing_behind(self) -> None:
        local = load_parameters(CDK_CONTEXT | {"env": "local"})

        assert local.operations.removal == "destroy"
        assert not local.operations.termination_protection
        assert not local.operations.tracing  # X-Ray's endpoint is not in the embedded cloud
        assert local.web.enabled

    def test_cdk_references_between_stacks_are_weak_and_templates_are_validated(self) -> None:
        assert CDK_CONTEXT["@aws-cdk/core:defaultCrossStackReferences"] == "weak"
        assert CDK_CONTEXT["@aws-cdk/core:validateAgainstDefaultRules"] is True


class TestModels:
    def test_defaults_are_allowed(self) -> None:
        defaults = Parameters()

        # A value of one choice, written out, contradicts another choice: these are for the rules between values.
        choices = {"turn", "agent", "memory", "web", "daily", "telephony"}
        assert Parameters.model_validate(json.loads(defaults.model_dump_json(exclude=choices))) == defaults
        for section in (getattr(defaults, choice) for choice in choices):
            assert type(section).model_validate_json(section.model_dump_json()) == section

    def test_contradictions_are_refused_without_a_context_too(self) -> None:
        with pytest.raises(ParameterError, match="eu-mars-1"):
            Parameters(region="eu-mars-1")

    def test_nothing_can_be_changed(self) -> None:
        parameters = Parameters()
        sections = [getattr(parameters, name) for name in Parameters.model_fields]
        for model in [parameters, *(section for section in sections if isinstance(section, BaseModel))]:
            for name in type(model).model_fields:
                with pytest.raises(ValidationError, match="frozen"):
                    setattr(model, name, getattr(model, name))

        assert hash(parameters) == hash(Parameters())

    def test_every_value_has_a_description_and_a_default(self) -> None:
        sections = [Parameters, *(field.annotation for field in Parameters.model_fields.values())]
        for model in sections:
            if isinstance(model, type) and issubclass(model, BaseModel):
                for name, field in model.model_fields.items():
                    assert not field.is_required(), name
                    assert field.description or isinstance(field.default, BaseModel), name

    @pytest.mark.parametrize(
        ("region", "agent", "model_id"),
        [
            ("us-east-1", {}, None),
            ("us-east-1", {"pipeline": "cascaded"}, "amazon.nova-lite-v1:0"),
            ("us-west-2", {"pipeline": "cascaded"}, "us.amazon.nova-lite-v1:0"),
            ("eu-west-1", {"pipeline": "cascaded"}, "eu.amazon.nova-lite-v1:0"),
            ("us-east-1", {"pipeline": "cascaded", "model_id": "us.amazon.nova-pro-v1:0"}, "us.amazon.nova-pro-v1:0"),
            ("us-east-1", {"pipeline": "speech_to_speech"}, "amazon.nova-2-5-sonic"),
            ("us-west-2", {"pipeline": "speech_to_speech"}, "amazon.nova-2-sonic-v1:0"),
            (
                "us-east-1",
                {"pipeline": "speech_to_speech", "model_id": "amazon.nova-2-sonic-v1:0"},
                "amazon.nova-2-sonic-v1:0",
            ),
        ],
    )
    def test_the_model_is_the_one_named_or_what_the_region_offers(
        self, region: str, agent: dict[str, str], model_id: str | None
    ) -> None:
        assert Parameters.model_validate({"region": region, "agent": agent}).model_id == model_id


class TestAgainstCloudFormation:
    @settings(deadline=None)
    @given(
        project=st.from_regex(r"[a-z][a-z0-9]{0,30}|[a-z0-9-]{1,40}", fullmatch=True),
        environment=st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True),
    )
    def test_the_runtime_name_fits(self, project: str, environment: str) -> None:
        try:
            parameters = Parameters(project=project, environment=environment)
        except ValidationError:
            return

        assert re.fullmatch(RUNTIME_NAME, parameters.agent_runtime_name)

    def test_the_longest_names_are_accepted(self) -> None:
        assert len(Parameters(project="p" * 31, environment="e" * 16).agent_runtime_name) == 48

    def test_log_retention_is_one_of_cloudwatchs(self) -> None:
        known = _cloudformation("AWS::Logs::LogGroup")["properties"]["RetentionInDays"]["enum"]

        assert TypeAdapter(values.LogRetentionDays).json_schema()["enum"] == known

    @settings(deadline=None)
    @given(name=st.text("ab0._-/", min_size=1, max_size=8) | st.text("a", min_size=250, max_size=260))
    @example(name="a___b")
    @example(name="a..b")
    def test_repository_names_are_ecrs(self, name: str) -> None:
        try:
            TypeAdapter(values.RepositoryName).validate_python(name)
        except ValidationError:
            assert not re.match(REPOSITORY_NAME, name)
        else:
            assert re.match(REPOSITORY_NAME, name)
