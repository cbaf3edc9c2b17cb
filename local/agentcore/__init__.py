"""A stand-in for the data plane of Amazon Bedrock AgentCore Runtime, for a machine without an AWS account.

It stands in for `InvokeAgentRuntime`, its WebSocket stream and `StopRuntimeSession`: it verifies Signature Version 4,
asks IAM, runs one agent process a session with the template's variables and its role's credentials, keeps one process
started ahead, and ends sessions by the service's rules. Where the documents are silent, or reports differ, it is the
stricter: what works here should work there.

It does not prove: isolation in a microVM, the arm64 image, the VPC's network, platform version V2's snapshots, OAuth,
quotas of a real account, AWS's own judgement of a policy, or that the agent listens on 0.0.0.0:8080 (here it gets a
port of its own). Cold starts and latency are this machine's.
"""

from local.agentcore.control_plane import AgentCommand, ControlPlane, RuntimeVersion
from local.agentcore.data_plane import DataPlane, create_data_plane
from local.agentcore.limits import Limits

__all__ = [
    "AgentCommand",
    "ControlPlane",
    "DataPlane",
    "Limits",
    "RuntimeVersion",
    "create_data_plane",
]
