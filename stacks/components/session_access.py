"""Permission to talk to the agent: one runtime, one endpoint."""

from collections.abc import Iterable

from aws_cdk import aws_iam as iam


def session_access(actions: Iterable[str], *, runtime_arn: str, endpoint_name: str) -> iam.PolicyStatement:
    """AgentCore checks the runtime and the endpoint; the L2's grants know neither WebSockets nor stopping.

    `actions` are without their service. https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/resource-based-policies.html
    """
    return iam.PolicyStatement(
        sid="Sessions",
        actions=[f"bedrock-agentcore:{action}" for action in actions],
        resources=[runtime_arn, f"{runtime_arn}/runtime-endpoint/{endpoint_name}"],
    )
