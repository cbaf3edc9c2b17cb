"""Where the agent keeps what was said in a call, for the next call of the same caller: AgentCore Memory."""

from collections.abc import Iterator

from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.components.log_group import removal_policy
from stacks.parameters import Parameters


class CallerMemory(Construct):
    """Short-term events, which end by themselves; `memory_id` is what the agent calls it by.

    The L2 would make a role for the extraction of long-term memories, of which there are none here. AWS's own key
    encrypts it: another could not be set or changed without losing what is remembered.
    """

    def __init__(self, scope: Construct, construct_id: str, *, parameters: Parameters) -> None:
        super().__init__(scope, construct_id)
        self._memory = agentcore.CfnMemory(
            self,
            "Memory",
            name=parameters.agent_runtime_name,
            description=f"Calls of {parameters.project} {parameters.environment}",
            event_expiry_duration=parameters.memory.retention_days,
        )
        self._memory.apply_removal_policy(removal_policy(parameters.operations))
        self.memory_id = self._memory.attr_memory_id

    def access(self) -> Iterator[iam.PolicyStatement]:
        """What the agent does with it: write what is said, find the caller's last call and read it."""
        yield iam.PolicyStatement(
            sid="Remember",
            actions=[
                "bedrock-agentcore:CreateEvent",
                "bedrock-agentcore:ListEvents",
                "bedrock-agentcore:ListSessions",
            ],
            resources=[self._memory.attr_memory_arn],
        )
