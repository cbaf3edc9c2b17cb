"""What a deployment asks of its region: AgentCore itself, and whatever the chosen parameters lean on there."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from stacks import regions
from stacks.channel_pool import LIMITS
from stacks.configuration.errors import Mistake

if TYPE_CHECKING:
    from stacks.parameters import Parameters


def region_lacks(parameters: "Parameters") -> Iterator[Mistake]:
    """The region offers AgentCore Runtime."""
    if parameters.region in regions.AGENTCORE_REGIONS:
        for rule in REGION_RULES:
            yield from rule(parameters)
    else:
        yield Mistake(
            path="region",
            got=parameters.region,
            allowed=f"a region that offers AgentCore Runtime: {_listed(regions.AGENTCORE_REGIONS)}",
            remedy="set region to one of these",
        )


def _region_offers_platform(parameters: "Parameters") -> Iterator[Mistake]:
    """Platform version V2 is offered in the region."""
    if parameters.agent.platform_version == "V2" and not regions.offers_platform_v2(parameters.region):
        yield Mistake(
            path="agent.platform_version",
            got="V2",
            allowed=f"V1 in {parameters.region}; V2 in {_listed(regions.PLATFORM_V2_REGIONS)}",
            remedy="set agent.platform_version to V1, or region to one of these",
            depends_on=("region",),
        )


def _region_offers_signaling(parameters: "Parameters") -> Iterator[Mistake]:
    """webrtc with `turn.source` kvs needs signaling channels in the region."""
    if parameters.turn_source == "kvs" and not regions.offers_signaling_channels(parameters.region):
        yield Mistake(
            path="turn.source",
            got="kvs",
            allowed=f"static or coturn, as {parameters.region} lacks AWS::KinesisVideo::SignalingChannel, of which kvs "
            f"needs a pool: {LIMITS}",
            remedy="set turn.source to static (your servers, Cloudflare, Twilio) or coturn, take webrtc out of "
            "transports, or choose another region",
            depends_on=("region", "transports"),
        )


def _region_has_the_zones(parameters: "Parameters") -> Iterator[Mistake]:
    """`network.availability_zone_count` is at most the zones that AgentCore accepts in the region."""
    count, zone_ids = parameters.network.availability_zone_count, regions.AVAILABILITY_ZONE_IDS[parameters.region]
    if parameters.network.mode == "vpc" and count > len(zone_ids):
        yield Mistake(
            path="network.availability_zone_count",
            got=count,
            allowed=f"2 to {len(zone_ids)}: in {parameters.region} AgentCore accepts only {_listed(zone_ids)}",
            remedy=f"set network.availability_zone_count to {len(zone_ids)}, or choose another region",
            depends_on=("region", "network.mode"),
        )


def _region_offers_speech_to_speech(parameters: "Parameters") -> Iterator[Mistake]:
    """The speech_to_speech pipeline's model is offered in the region."""
    offered = regions.speech_to_speech_models(parameters.region)
    model_id = parameters.agent.model_id
    if parameters.agent.pipeline != "speech_to_speech" or (model_id in offered if model_id else offered):
        return
    models = [f"{model} in {_listed(served)}" for model, served in regions.SPEECH_TO_SPEECH_MODELS.items()]
    retired = [f"{model} ended on {date}" for model, date in regions.RETIRED_MODELS.items() if model == model_id]
    yield Mistake(
        path="agent.model_id",
        got=model_id,
        allowed="; ".join(models + retired),
        remedy=f"choose a model that {parameters.region} offers, another region, or another agent.pipeline",
        depends_on=("region", "agent.pipeline"),
    )


def _region_offers_nova_lite(parameters: "Parameters") -> Iterator[Mistake]:
    """The cascaded pipeline's model, if it is Nova Lite, is named as the region offers it."""
    if parameters.agent.pipeline != "cascaded":
        return
    model_id, region = parameters.agent.model_id, parameters.region
    match model_id, regions.nova_lite(region):
        case (None | regions.NOVA_LITE, None):
            allowed = f"another Converse model: {region} does not offer Nova Lite, which is taken if none is named"
            remedy = "set agent.model_id to a model that the region offers, or choose another region"
        case (regions.NOVA_LITE, str(offered)) if offered != model_id:
            allowed = f"{offered} in {region}, where Nova Lite is called through this inference profile"
            remedy = "leave agent.model_id out, or choose another region"
        case _:
            return
    yield Mistake(
        path="agent.model_id",
        got=model_id,
        allowed=allowed,
        remedy=remedy,
        depends_on=("region", "agent.pipeline"),
    )


def _region_hears_and_speaks(parameters: "Parameters") -> Iterator[Mistake]:
    """`agent.speech_to_text` transcribe and `agent.text_to_speech` polly are offered in the region."""
    agent, region = parameters.agent, parameters.region
    if agent.pipeline != "cascaded":
        return
    lacking = {
        "speech_to_text": ("transcribe", regions.offers_transcribe_streaming, "deepgram"),
        "text_to_speech": ("polly", regions.offers_polly, "cartesia"),
    }
    for name, (service, offered_in, alternative) in lacking.items():
        offering = frozenset(filter(offered_in, regions.AGENTCORE_REGIONS))
        if getattr(agent, name) == service and region not in offering:
            yield Mistake(
                path=f"agent.{name}",
                got=service,
                allowed=f"{alternative} in {region}; {service} in {_listed(offering)}",
                remedy=f"set agent.{name} to {alternative}, or choose another region",
                depends_on=("region", "agent.pipeline"),
            )


def _region_offers_memory(parameters: "Parameters") -> Iterator[Mistake]:
    """`memory.enabled` needs a region that offers AgentCore Memory."""
    if parameters.memory.enabled and not regions.offers_memory(parameters.region):
        yield Mistake(
            path="memory.enabled",
            got=True,
            allowed=f"false in {parameters.region}; AgentCore Memory is offered in "
            f"{_listed(filter(regions.offers_memory, regions.AGENTCORE_REGIONS))}",
            remedy="set memory.enabled to false, or choose another region",
            depends_on=("region",),
        )


def _region_offers_cloudfront(parameters: "Parameters") -> Iterator[Mistake]:
    """`web.enabled` needs a region with CloudFront."""
    if parameters.web.enabled and not regions.offers_cloudfront(parameters.region):
        yield Mistake(
            path="web.enabled",
            got=True,
            allowed=f"false in {parameters.region}, whose partition has no CloudFront",
            remedy="set web.enabled to false and serve web/release yourself, or choose another region",
            depends_on=("region",),
        )


REGION_RULES: Final = (
    _region_offers_platform,
    _region_offers_signaling,
    _region_has_the_zones,
    _region_offers_speech_to_speech,
    _region_offers_nova_lite,
    _region_hears_and_speaks,
    _region_offers_memory,
    _region_offers_cloudfront,
)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
