"""The whole system on one page: which stacks a deployment has, and what each takes from another."""

import aws_cdk as cdk
from constructs import Construct

from stacks.agent import ENDPOINT_NAME, AgentStack
from stacks.connect import ConnectStack
from stacks.network import NetworkStack
from stacks.parameters import Parameters


def build_application(scope: Construct, parameters: Parameters) -> list[cdk.Stack]:
    """Add one deployment to an app. Pure: the parameters alone decide what is built."""
    network = NetworkStack(scope, parameters=parameters) if parameters.network.mode != "public" else None
    agent = AgentStack(scope, parameters=parameters, network=network.agent_network if network else None)
    connect = ConnectStack(scope, parameters=parameters, runtime=agent.runtime, endpoint_name=ENDPOINT_NAME)
    return [stack for stack in (network, agent, connect) if stack]
