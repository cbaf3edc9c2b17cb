import re

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from stacks import regions


def _cloudformation_has(resource_type: str, *, region: str) -> bool:
    try:
        PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type)
    except ResourceNotFoundError:
        return False
    return True


@pytest.mark.parametrize(("region", "zone_ids"), regions.AVAILABILITY_ZONE_IDS.items())
def test_zone_ids_belong_to_their_region(region: str, zone_ids: tuple[str, ...]) -> None:
    directions = re.sub(r"(north|south|east|west|central|gov)", lambda word: word[0][0], region)
    area, *initials, number = directions.split("-")
    prefix = f"{area}{''.join(initials)}{number}-az"

    assert len(set(zone_ids)) == len(zone_ids) >= 2
    assert {zone_id.removesuffix(zone_id[-1]) for zone_id in zone_ids} == {prefix}


@pytest.mark.parametrize("region", regions.AVAILABILITY_ZONE_IDS)
def test_cloudformation_agrees_on_what_a_region_offers(region: str) -> None:
    assert _cloudformation_has("AWS::BedrockAgentCore::Runtime", region=region)
    assert regions.offers_signaling_channels(region) == _cloudformation_has(
        "AWS::KinesisVideo::SignalingChannel", region=region
    )


def test_regions_without_agentcore_offer_nothing() -> None:
    assert _cloudformation_has("AWS::KinesisVideo::SignalingChannel", region="ap-east-1")
    assert not regions.offers_signaling_channels("ap-east-1")
    assert not regions.offers_platform_v2("ap-east-1")
    assert not regions.speech_to_speech_models("ap-east-1")


def test_platform_v2_and_speech_to_speech_are_offered_only_where_agentcore_is() -> None:
    assert regions.PLATFORM_V2_REGIONS < regions.AGENTCORE_REGIONS
    for served in regions.SPEECH_TO_SPEECH_MODELS.values():
        assert served < regions.AGENTCORE_REGIONS


def test_regions_where_everything_is_offered() -> None:
    everything = {
        region
        for region in regions.AGENTCORE_REGIONS
        if regions.offers_platform_v2(region)
        and regions.offers_signaling_channels(region)
        and "amazon.nova-2-sonic-v1:0" in regions.speech_to_speech_models(region)
    }

    assert everything == {"us-east-1", "us-west-2", "ap-northeast-1"}


def test_a_retired_model_is_not_offered_anywhere() -> None:
    assert regions.RETIRED_MODELS == {"amazon.nova-sonic-v1:0": "2026-09-14"}
    assert not set(regions.RETIRED_MODELS) & set(regions.SPEECH_TO_SPEECH_MODELS)
