from collections.abc import Mapping
from typing import Any

import pytest

from stacks.parameters import ParameterError, Parameters, load_parameters


def _load(entry: Mapping[str, Any], overrides: Mapping[str, object] | None = None) -> Parameters:
    return load_parameters({"environments": {"dev": entry}, **(overrides or {})})


def _refusal(entry: Mapping[str, Any], overrides: Mapping[str, object] | None = None) -> ParameterError:
    with pytest.raises(ParameterError) as refusal:
        _load(entry, overrides)
    return refusal.value


class TestEnvironment:
    def test_is_chosen_by_env(self) -> None:
        environments = {"dev": {}, "blue": {"region": "us-west-2"}}

        assert load_parameters({"environments": environments, "env": "blue"}).region == "us-west-2"
        assert load_parameters({"environments": environments}).environment == "dev"

    @pytest.mark.parametrize("environments", [{"dev": {}, "prod": {}}, {"dev": {}, "prod": {}, "pord": None}])
    def test_must_be_in_cdk_json(self, environments: Mapping[str, object]) -> None:
        with pytest.raises(ParameterError) as refusal:
            load_parameters({"environments": environments, "env": "pord"})

        [mistake] = refusal.value.mistakes
        assert (mistake.path, mistake.got) == ("env", "pord")
        assert mistake.allowed.endswith(": dev, prod")
        assert "-c env=NAME" in mistake.remedy

    def test_context_without_environments_says_where_they_belong(self) -> None:
        with pytest.raises(ParameterError, match=r"none was found\n.*folder of cdk.json"):
            load_parameters({})

    def test_cannot_be_renamed_by_its_entry_or_an_override(self) -> None:
        mistakes = _refusal({"environment": "prod"}, {"environment": "prod"}).mistakes

        assert [(mistake.path, mistake.remedy) for mistake in mistakes] == [("environment", "use env")] * 2

    def test_name_must_fit_into_names(self) -> None:
        with pytest.raises(ParameterError) as refusal:
            load_parameters({"environments": {"my-env": {}}, "env": "my-env"})

        [mistake] = refusal.value.mistakes
        assert (mistake.path, mistake.got, mistake.remedy) == ("environment", "my-env", "change it in cdk.json")


class TestOverrides:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("agent.idle_timeout_seconds", "240", 240),
            ("network.flow_logs", "false", False),
            ("operations.log_retention_days", "90", 90),
            ("account_id", "012345678901", "012345678901"),
            ("network.cidr", "172.16.0.0/20", "172.16.0.0/20"),
            ("transports", "websocket, daily", ("websocket", "daily")),
            ("transports", '["daily"]', ("daily",)),
            ("connect.allowed_origins", "*", ("*",)),
            ("connect.allowed_origins", "http://[::1]:7860", ("http://[::1]:7860",)),
            ("connect.allowed_origins", "[]", ()),
            ("connect.max_body_bytes", "", 4096),
        ],
    )
    def test_text_is_read_as_the_field_takes_it(self, name: str, text: str, value: object) -> None:
        loaded: Any = _load(
            {"connect": {"max_body_bytes": 2048, "allowed_origins": ["https://a.example"]}}, {name: text}
        )
        for part in name.split("."):
            loaded = getattr(loaded, part)

        assert loaded == value

    def test_win_over_the_environment_without_changing_it(self) -> None:
        entry = {"agent": {"idle_timeout_seconds": 90}}

        assert _load(entry, {"agent.idle_timeout_seconds": "100"}).agent.idle_timeout_seconds == 100
        assert entry == {"agent": {"idle_timeout_seconds": 90}}

    def test_empty_text_takes_a_value_out_of_the_environment(self) -> None:
        entry = {"network": {"mode": "public", "nat_gateways": "one_per_zone"}}

        assert _refusal(entry).mistakes[0].path == "network.nat_gateways"
        assert _load(entry, {"network.nat_gateways": ""}).network.nat_gateways == "one"

    @pytest.mark.parametrize(
        ("name", "near"),
        [
            ("agent.idle_timout_seconds", "agent.idle_timeout_seconds"),
            ("agent.idle-timeout-seconds", "agent.idle_timeout_seconds"),
            ("idle_timeout_seconds", "agent.idle_timeout_seconds"),
            ("regoin", "region"),
            ("network", "network.cidr"),
            ("environment_name", "env"),
        ],
    )
    def test_an_unknown_name_is_refused_with_the_nearest_ones(self, name: str, near: str) -> None:
        [mistake] = _refusal({}, {name: "60"}).mistakes

        assert (mistake.path, mistake.got) == (name, "60")
        assert "docs/configuration.md" in mistake.allowed
        assert near in mistake.remedy.removeprefix("use ").split(" or ")

    def test_a_name_like_no_other_is_to_be_removed(self) -> None:
        assert _refusal({}, {"zzzz": "1"}).mistakes[0].remedy == "remove it"

    @pytest.mark.parametrize(
        "name",
        [
            "@aws-cdk/core:explicitStackTags",
            "aws:cdk:bundling-stacks",
            "availability-zones:account=123456789012:region=us-east-1",
            "vpc-provider:account=123456789012:filter.vpc-id=vpc-1:region=us-east-1",
            "@vendor/flag",
            "acknowledged-issue-numbers",
            "cli-telemetry",
        ],
    )
    def test_the_cdks_own_context_is_left_alone(self, name: str) -> None:
        assert _load({}, {name: ["anything"]}) == _load({})


class TestMistakes:
    @pytest.mark.parametrize(
        ("name", "got", "allowed"),
        [
            ("project", "Voice", "1 to 31 of a-z"),
            ("project", "a" * 32, "1 to 31 of a-z"),
            ("account_id", 123456789012, "12 digits, as text"),
            ("owner", "two\nlines", "1 to 256 letters"),
            ("cost_center", "", "1 to 256 letters"),
            ("transports", [], "1 or more of: websocket, webrtc, daily"),
            ("transports", ["daily", "daily"], "each once"),
            ("network.cidr", "10.60.0.1/16", "a network of /16 to /24"),
            ("network.cidr", "10.0.0.0/8", "a network of /16 to /24"),
            ("network.cidr", "10.60.0.0/25", "a network of /16 to /24"),
            ("network.cidr", "8.8.0.0/16", "172.16.0.0/12"),
            ("network.availability_zone_count", 1, "2 to 3"),
            ("network.private_subnet_prefix_length", 29, "16 to 28"),
            ("network.vpc_id", "my-vpc", "vpc- and 8 to 17 hex digits"),
            ("network.interface_endpoints", "logs", "ecr.api, ecr.dkr, s3, logs"),
            ("agent.idle_timeout_seconds", 59, "60 to 28800"),
            ("agent.max_lifetime_seconds", 28801, "60 to 28800"),
            ("agent.platform_version", "V3", "V1, V2"),
            ("agent.image_digest", "latest", "sha256: and 64 hex digits"),
            ("connect.presigned_url_lifetime_seconds", 301, "1 to 300"),
            ("connect.presigned_url_lifetime_seconds", 0, "1 to 300"),
            ("connect.oidc_issuer_url", "http://id.example.com", "an https:// URL"),
            ("operations.log_retention_days", 10, "1, 3, 5, 7, 14"),
            ("operations.termination_protection", "perhaps", "true, false"),
        ],
    )
    def test_a_value_that_is_wrong_in_itself(self, name: str, got: object, allowed: str) -> None:
        section, _, field = name.rpartition(".")
        [mistake] = _refusal({section: {field: got}} if section else {field: got}).mistakes

        assert (mistake.path, mistake.got) == (name, got)
        assert allowed in mistake.allowed
        assert mistake.remedy == f"change it in cdk.json, or pass -c {name}=VALUE"

    @pytest.mark.parametrize(
        "origin",
        ["http://voice.example.com", "https://voice.example.com/", "https://*.example.com", "voice.example.com"],
    )
    def test_an_origin_that_browsers_do_not_send(self, origin: str) -> None:
        [mistake] = _refusal({"connect": {"allowed_origins": ["https://ok.example", origin]}}).mistakes

        assert (mistake.path, mistake.got) == ("connect.allowed_origins", origin)
        assert "https://HOST[:PORT]" in mistake.allowed

    def test_all_are_told_at_once_in_plain_text(self) -> None:
        refusal = _refusal(
            {
                "turn": "kvs",
                "network": {"cidr": "10.0.0.0/8", "nat": 1},
                "agent": {"idle_timeout_seconds": 900, "max_lifetime_seconds": 600},
            },
            {"regoin": "us-east-1", "connect.authorizer": "oidc", "connect.oidc_audiences": "voice"},
        )

        assert [mistake.path for mistake in refusal.mistakes] == [
            "regoin",
            "network.cidr",
            "network.nat",
            "turn",
            "agent.idle_timeout_seconds",
            "connect.oidc_issuer_url",
            "web.oidc_client_id",
        ]
        assert str(refusal).startswith("7 mistakes in the parameters\nregoin\n  got: ")
        assert (
            "agent.idle_timeout_seconds\n"
            "  got: 900\n"
            "  allowed: at most agent.max_lifetime_seconds, which is 600\n"
            "  do: lower agent.idle_timeout_seconds or raise agent.max_lifetime_seconds"
        ) in str(refusal)

    def test_a_rule_is_not_judged_on_a_value_that_is_wrong_in_itself(self) -> None:
        refusal = _refusal({"agent": {"idle_timeout_seconds": "soon", "max_lifetime_seconds": 100}})

        assert [mistake.path for mistake in refusal.mistakes] == ["agent.idle_timeout_seconds"]
        assert str(refusal).startswith("1 mistake in")
