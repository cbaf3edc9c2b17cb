"""Where AgentCore Runtime, and what a deployment leans on, is offered: AWS's tables, each with its source and date."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# The availability zone ids that VPC mode accepts. A region that is not here does not offer AgentCore Runtime.
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-vpc.html (2026-10-02)
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-regions.html (2026-10)
AVAILABILITY_ZONE_IDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ap-northeast-1": ("apne1-az1", "apne1-az2", "apne1-az4"),
        "ap-northeast-2": ("apne2-az1", "apne2-az2", "apne2-az3"),
        "ap-south-1": ("aps1-az1", "aps1-az2", "aps1-az3"),
        "ap-south-2": ("aps2-az1", "aps2-az2", "aps2-az3"),
        "ap-southeast-1": ("apse1-az1", "apse1-az2", "apse1-az3"),
        "ap-southeast-2": ("apse2-az1", "apse2-az2", "apse2-az3"),
        "ap-southeast-5": ("apse5-az1", "apse5-az2", "apse5-az3"),
        "ap-southeast-7": ("apse7-az1", "apse7-az2", "apse7-az3"),
        "ca-central-1": ("cac1-az1", "cac1-az2", "cac1-az4"),
        "eu-central-1": ("euc1-az1", "euc1-az2", "euc1-az3"),
        "eu-north-1": ("eun1-az1", "eun1-az2", "eun1-az3"),
        "eu-south-1": ("eus1-az1", "eus1-az2", "eus1-az3"),
        "eu-south-2": ("eus2-az1", "eus2-az2", "eus2-az3"),
        "eu-west-1": ("euw1-az1", "euw1-az2", "euw1-az3"),
        "eu-west-2": ("euw2-az1", "euw2-az2", "euw2-az3"),
        "eu-west-3": ("euw3-az1", "euw3-az2", "euw3-az3"),
        "sa-east-1": ("sae1-az1", "sae1-az2", "sae1-az3"),
        "us-east-1": ("use1-az1", "use1-az2", "use1-az4"),
        "us-east-2": ("use2-az1", "use2-az2", "use2-az3"),
        "us-gov-west-1": ("usgw1-az1", "usgw1-az2", "usgw1-az3"),
        "us-west-1": ("usw1-az1", "usw1-az3"),
        "us-west-2": ("usw2-az1", "usw2-az2", "usw2-az3"),
    }
)
AGENTCORE_REGIONS: Final = frozenset(AVAILABILITY_ZONE_IDS)

# https://aws.amazon.com/about-aws/whats-new/2026/09/new-agentcore-runtime-generally-available/ (2026-09-18)
PLATFORM_V2_REGIONS: Final = frozenset({"ap-northeast-1", "eu-west-1", "us-east-1", "us-east-2", "us-west-2"})

# AgentCore regions whose CloudFormation has no AWS::KinesisVideo::SignalingChannel.
# CloudFormation resource provider schemas (2026-10-20)
REGIONS_WITHOUT_SIGNALING_CHANNELS: Final = frozenset(
    {"ap-south-2", "ap-southeast-7", "eu-north-1", "eu-south-1", "us-west-1"}
)

# Speech-to-speech models, the preferred first, and where each is offered in-Region: no inference profile serves them.
# https://docs.aws.amazon.com/bedrock/latest/userguide/models-region-compatibility.html (2026-10)
# https://aws.amazon.com/about-aws/whats-new/2026/10/amazon-nova-2.5-sonic/ (2026-10-05)
SPEECH_TO_SPEECH_MODELS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "amazon.nova-2-5-sonic": frozenset({"ap-northeast-1", "eu-north-1", "us-east-1"}),
        "amazon.nova-2-sonic-v1:0": frozenset({"ap-northeast-1", "eu-north-1", "us-east-1", "us-west-2"}),
    }
)

# Nova Lite, the model of the cascaded pipeline that is taken unless another is named: where it is offered in-Region,
# and where through the inference profile of a geography only.
# https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html (read 2026-11, the copy is undated)
NOVA_LITE: Final = "amazon.nova-lite-v1:0"
NOVA_LITE_REGIONS: Final = frozenset(
    {"ap-northeast-1", "ap-southeast-2", "eu-north-1", "eu-west-2", "us-east-1", "us-gov-west-1"}
)
NOVA_LITE_PROFILES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        f"apac.{NOVA_LITE}": frozenset({"ap-northeast-2", "ap-south-1", "ap-southeast-1"}),
        f"eu.{NOVA_LITE}": frozenset({"eu-central-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"}),
        f"us.{NOVA_LITE}": frozenset({"us-east-2", "us-west-1", "us-west-2"}),
    }
)

# AgentCore regions whose Amazon Transcribe has no streaming endpoint, and those without Amazon Polly.
# https://docs.aws.amazon.com/general/latest/gr/transcribe.html and pol.html, as botocore 1.43.117 has them
# (botocore/data/endpoints.json: transcribestreaming, polly). Which voices a region has, no table here says.
REGIONS_WITHOUT_TRANSCRIBE_STREAMING: Final = frozenset(
    {"ap-south-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-3", "us-west-1"}
)
REGIONS_WITHOUT_POLLY: Final = frozenset({"ap-south-2", "eu-south-1"})

# AgentCore regions without AgentCore Memory.
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-regions.html (2026-11)
REGIONS_WITHOUT_MEMORY: Final = frozenset(
    {"ap-south-2", "ap-southeast-5", "ap-southeast-7", "eu-south-1", "eu-south-2", "us-west-1"}
)

# AgentCore regions without CloudFront, which is a partition's own, and those whose buckets get no standard log from it:
# an account has to opt in to them.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html (read 2026-11)
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html (read 2026-11)
REGIONS_WITHOUT_CLOUDFRONT: Final = frozenset({"us-gov-west-1"})
REGIONS_WITHOUT_CLOUDFRONT_LOGS: Final = frozenset(
    {"ap-south-2", "ap-southeast-5", "ap-southeast-7", "eu-south-1", "eu-south-2"}
)

# Models that Bedrock no longer serves, with the date of their end of life.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-amazon-nova-sonic.html (2026-10)
RETIRED_MODELS: Final[Mapping[str, str]] = MappingProxyType({"amazon.nova-sonic-v1:0": "2026-09-14"})


def offers_platform_v2(region: str) -> bool:
    """Whether runtimes of platform version V2 can be created in the region."""
    return region in PLATFORM_V2_REGIONS


def offers_signaling_channels(region: str) -> bool:
    """Whether Kinesis Video Streams signaling channels, the source of TURN credentials, can be deployed there."""
    return region in AGENTCORE_REGIONS - REGIONS_WITHOUT_SIGNALING_CHANNELS


def speech_to_speech_models(region: str) -> tuple[str, ...]:
    """The speech-to-speech models that are served in the region, the preferred first."""
    return tuple(model_id for model_id, served in SPEECH_TO_SPEECH_MODELS.items() if region in served)


def nova_lite(region: str) -> str | None:
    """How Nova Lite is called in the region: by its model id or by an inference profile's; None where it is neither."""
    if region in NOVA_LITE_REGIONS:
        return NOVA_LITE
    return next((profile_id for profile_id, served in NOVA_LITE_PROFILES.items() if region in served), None)


def offers_transcribe_streaming(region: str) -> bool:
    """Whether Amazon Transcribe takes streams in the region."""
    return region in AGENTCORE_REGIONS - REGIONS_WITHOUT_TRANSCRIBE_STREAMING


def offers_polly(region: str) -> bool:
    """Whether Amazon Polly speaks in the region."""
    return region in AGENTCORE_REGIONS - REGIONS_WITHOUT_POLLY


def offers_memory(region: str) -> bool:
    """Whether AgentCore Memory is offered in the region."""
    return region in AGENTCORE_REGIONS - REGIONS_WITHOUT_MEMORY


def offers_cloudfront(region: str) -> bool:
    """Whether a page can be served from the region."""
    return region in AGENTCORE_REGIONS - REGIONS_WITHOUT_CLOUDFRONT


def takes_cloudfront_logs(region: str) -> bool:
    """Whether CloudFront delivers its log to a bucket in the region."""
    return region in AGENTCORE_REGIONS - REGIONS_WITHOUT_CLOUDFRONT - REGIONS_WITHOUT_CLOUDFRONT_LOGS
