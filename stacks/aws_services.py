"""Which services of AWS the agent calls, and starts from: what a network without the internet has to lead to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.configuration.values import InterfaceEndpoint
    from stacks.parameters import Parameters


def services_of_agent(parameters: "Parameters") -> tuple["InterfaceEndpoint", ...]:
    """Their names as interface endpoints have them, in the order of a call: the image, what it tells, what it asks."""
    return (*_of_every_agent(parameters), *_of_pipeline(parameters))


def _of_every_agent(parameters: "Parameters") -> Iterator["InterfaceEndpoint"]:
    """AgentCore pulls the image through the agent's own network interface; the layers are in S3.

    https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-vpc.html
    """
    yield from ("ecr.api", "ecr.dkr", "s3", "logs", "monitoring")
    if parameters.operations.tracing:
        yield "xray"
    if parameters.has_rooms:
        yield "lambda"
    if parameters.memory.enabled:
        yield "bedrock-agentcore"


def _of_pipeline(parameters: "Parameters") -> Iterator["InterfaceEndpoint"]:
    agent = parameters.agent
    if agent.pipeline != "offline":
        yield "bedrock-runtime"
    if agent.pipeline != "cascaded":
        return
    if agent.speech_to_text == "transcribe":
        yield "transcribestreaming"
    if agent.text_to_speech == "polly":
        yield "polly"
    if agent.speech_secret_arn:
        yield "secretsmanager"
