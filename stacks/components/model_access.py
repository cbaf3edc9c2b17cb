"""What the chosen pipeline may ask of AWS: models, speech services and the keys of others."""

from collections.abc import Iterator
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from stacks.parameters import AgentParameters, Parameters

# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
PROFILE_GEOGRAPHIES: Final = frozenset({"apac", "au", "ca", "eu", "global", "jp", "us", "us-gov"})


def model_access(stack: cdk.Stack, *, parameters: Parameters) -> Iterator[iam.PolicyStatement]:
    """Yield the statements of an execution role; none for the offline pipeline."""
    match parameters.agent.pipeline, parameters.model_id:
        case "cascaded", str(model_id):
            yield _invoke(stack, model_id, how="InvokeModelWithResponseStream")
            yield from _speech_access(parameters.agent)
        case "speech_to_speech", str(model_id):
            # Missing from the service authorization reference, and yet what Nova Sonic's samples grant and need.
            yield _invoke(stack, model_id, how="InvokeModelWithBidirectionalStream")


def model_wildcards(stack: cdk.Stack, *, parameters: Parameters) -> dict[str, str]:
    """The wildcards in `model_access`, each with its evidence; that of `*` is the execution role's to tell."""
    arns = model_arns(stack, parameters.model_id) if parameters.model_id else []
    return {arn: "Bedrock chooses the region of a call through an inference profile" for arn in arns if "*" in arn}


def model_arns(stack: cdk.Stack, model_id: str) -> list[str]:
    """A model in this region; of an inference profile, the profile and the model wherever it may be routed to."""
    geography, _, name = model_id.partition(".")
    if geography not in PROFILE_GEOGRAPHIES:
        return [f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{model_id}"]
    return [
        f"arn:{stack.partition}:bedrock:{stack.region}:{stack.account}:inference-profile/{model_id}",
        f"arn:{stack.partition}:bedrock:*::foundation-model/{name}",
    ]


def _invoke(stack: cdk.Stack, model_id: str, *, how: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="Think", actions=["bedrock:InvokeModel", f"bedrock:{how}"], resources=model_arns(stack, model_id)
    )


def _speech_access(agent: AgentParameters) -> Iterator[iam.PolicyStatement]:
    if agent.speech_to_text == "transcribe":
        # Over WebSocket: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html
        yield iam.PolicyStatement(sid="Hear", actions=["transcribe:StartStreamTranscriptionWebSocket"], resources=["*"])
    if agent.text_to_speech == "polly":
        yield iam.PolicyStatement(sid="Speak", actions=["polly:SynthesizeSpeech"], resources=["*"])
    if agent.speech_secret_arn:
        yield iam.PolicyStatement(
            sid="SpeechKeys", actions=["secretsmanager:GetSecretValue"], resources=[agent.speech_secret_arn]
        )
