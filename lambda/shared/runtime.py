"""Which agent this deployment's callers reach: the runtime's endpoint, and where AgentCore's data plane is."""

from dataclasses import dataclass

from shared.environment import Reader, region_of

_RUNTIME_ARN = r"arn:aws(-us-gov)?:bedrock-agentcore:[a-z0-9-]+:\d{12}:runtime/[A-Za-z0-9_-]+"


@dataclass(frozen=True, kw_only=True)
class RuntimeTarget:
    """An endpoint of an AgentCore runtime, and the base URL of AgentCore in its region."""

    arn: str
    region: str
    endpoint_name: str
    base_url: str


def read_runtime(*, read: Reader) -> RuntimeTarget:
    """SWITCHBOARD_RUNTIME_ARN and SWITCHBOARD_ENDPOINT_NAME; mistakes are collected in `read`."""
    arn = read.text("SWITCHBOARD_RUNTIME_ARN", pattern=_RUNTIME_ARN, allowed="an AgentCore runtime ARN")
    region = region_of(arn=arn)
    return RuntimeTarget(
        arn=arn,
        region=region,
        endpoint_name=read.text(
            "SWITCHBOARD_ENDPOINT_NAME", pattern=r"[A-Za-z][A-Za-z0-9_]{0,47}", allowed="an endpoint name, as live"
        ),
        base_url=read.endpoint("Bedrock AgentCore", host_prefix="bedrock-agentcore", region=region),
    )
