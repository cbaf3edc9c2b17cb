import re
from functools import cache

import pytest
from botocore.loaders import Loader
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from stacks import regions


@cache
def _endpoints(prefix: str, partition: str) -> frozenset[str]:
    """The regions with an endpoint, in the table that botocore carries."""
    table = Loader().load_data("endpoints")
    (services,) = (part["services"] for part in table["partitions"] if part["partition"] == partition)
    return frozenset(services[prefix]["endpoints"])


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
    assert regions.nova_lite("ap-east-1") is None
    for offers in (regions.offers_transcribe_streaming, regions.offers_polly, regions.offers_memory):
        assert not offers("ap-east-1")


def test_platform_v2_and_speech_to_speech_are_offered_only_where_agentcore_is() -> None:
    assert regions.PLATFORM_V2_REGIONS < regions.AGENTCORE_REGIONS
    for served in regions.SPEECH_TO_SPEECH_MODELS.values():
        assert served < regions.AGENTCORE_REGIONS


@pytest.mark.parametrize("region", regions.AVAILABILITY_ZONE_IDS)
def test_botocore_agrees_on_where_transcribe_takes_streams_and_polly_speaks(region: str) -> None:
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    assert regions.offers_transcribe_streaming(region) == (region in _endpoints("transcribestreaming", partition))
    assert regions.offers_polly(region) == (region in _endpoints("polly", partition))


def test_memory_is_offered_only_where_cloudformation_has_it() -> None:
    offering = set(filter(regions.offers_memory, regions.AGENTCORE_REGIONS))
    assert offering == regions.AGENTCORE_REGIONS - regions.REGIONS_WITHOUT_MEMORY
    assert all(_cloudformation_has("AWS::BedrockAgentCore::Memory", region=region) for region in offering)


def test_nova_lite_is_called_in_one_way_in_each_region() -> None:
    ways = [regions.NOVA_LITE_REGIONS, *regions.NOVA_LITE_PROFILES.values()]
    assert sum(map(len, ways)) == len(frozenset().union(*ways))
    assert all(served < regions.AGENTCORE_REGIONS for served in ways)
    for profile_id, served in regions.NOVA_LITE_PROFILES.items():
        assert {regions.nova_lite(region) for region in served} == {profile_id}
        assert {region.partition("-")[0] for region in served} == {profile_id.partition(".")[0].removesuffix("ac")}


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


@pytest.mark.parametrize("region", regions.AVAILABILITY_ZONE_IDS)
def test_pages_are_served_only_where_cloudformation_has_cloudfront(region: str) -> None:
    assert regions.offers_cloudfront(region) == _cloudformation_has("AWS::CloudFront::Distribution", region=region)
    assert regions.offers_cloudfront(region) or not regions.takes_cloudfront_logs(region)
