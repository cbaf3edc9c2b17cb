"""The agent stack: the container image, its role, the AgentCore runtime and the endpoint `live`."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.agent_environment import agent_environment
from stacks.components.agent_image import AgentImage
from stacks.components.caller_memory import CallerMemory
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.execution_role import ExecutionRole
from stacks.components.log_group import LogGroup
from stacks.components.service_log_group import ServiceLogGroup
from stacks.network import AgentNetwork
from stacks.parameters import Parameters

ENDPOINT_NAME: Final = "live"
# AgentCore makes it with every runtime, and it follows the newest version.
DEFAULT_ENDPOINT_NAME: Final = "DEFAULT"
# What comes with a WebSocket, signed into its URL or, from the relay, as a header: AgentCore hands on none but these.
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-header-allowlist.html
CUSTOM_HEADERS: Final = [
    f"X-Amzn-Bedrock-AgentCore-Runtime-Custom-{name}" for name in ("Body", "Caller", "Phone", "Resume")
]
URI_NOTE: Final = "aws-cdk-lib.aws-bedrockagentcore:containerUriValidationSkipped"


class AgentStack(DeploymentStack):
    """One AgentCore runtime; without a network it runs in AgentCore's public one."""

    def __init__(
        self, scope: Construct, *, parameters: Parameters, network: AgentNetwork | None, log_key: kms.IKey | None
    ) -> None:
        super().__init__(scope, "agent", parameters=parameters, description="Voice agent on Bedrock AgentCore Runtime")
        agent = parameters.agent
        image = AgentImage(self, "Image", agent=agent, operations=parameters.operations)
        memory = CallerMemory(self, "CallerMemory", parameters=parameters) if parameters.memory.enabled else None
        role = ExecutionRole(
            self,
            "Role",
            repository=image.repository,
            parameters=parameters,
            memory_access=memory.access() if memory else (),
        )
        self.runtime = agentcore.Runtime(
            self,
            "Runtime",
            runtime_name=parameters.agent_runtime_name,
            description=f"Voice agent of {parameters.project}, {parameters.environment}",
            agent_runtime_artifact=agentcore.AgentRuntimeArtifact.from_image_uri(image.uri),
            # Kept from adding wider permissions of its own to the role.
            execution_role=role.without_policy_updates(),
            network_configuration=self._network_configuration(network),
            protocol_configuration=agentcore.ProtocolType.HTTP,
            platform_version=agentcore.PlatformVersion.of(agent.platform_version),
            lifecycle_configuration=agentcore.LifecycleConfiguration(
                idle_runtime_session_timeout=cdk.Duration.seconds(agent.idle_timeout_seconds),
                max_lifetime=cdk.Duration.seconds(agent.max_lifetime_seconds),
            ),
            request_header_configuration=agentcore.RequestHeaderConfiguration(allowlisted_headers=CUSTOM_HEADERS),
            environment_variables=agent_environment(parameters, memory_id=memory.memory_id if memory else None),
        )
        acknowledge(self.runtime, {URI_NOTE: "The image's URI has the account in it, which the deployment decides"})
        self._add_endpoint(parameters)
        ServiceLogGroup(
            self,
            "DefaultLogGroup",
            log_group_name=self._log_group_name(DEFAULT_ENDPOINT_NAME),
            operations=parameters.operations,
            key=log_key,
        )
        self._add_outputs(memory)

    def _network_configuration(self, network: AgentNetwork | None) -> agentcore.RuntimeNetworkConfiguration:
        if network is None:
            return agentcore.RuntimeNetworkConfiguration.using_public_network()
        return agentcore.RuntimeNetworkConfiguration.using_vpc(
            self, vpc=network.vpc, vpc_subnets=network.subnets, security_groups=[network.security_group]
        )

    def _log_group_name(self, endpoint_name: str) -> str:
        """https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/observability-view.html."""
        return f"/aws/bedrock-agentcore/runtimes/{self.runtime.agent_runtime_id}-{endpoint_name}"

    def _add_endpoint(self, parameters: Parameters) -> None:
        """Let `live` follow each deploy. AgentCore makes a missing log group, which never expires: ours comes first."""
        log_group = LogGroup(
            self,
            "LiveLogGroup",
            operations=parameters.operations,
            log_group_name=self._log_group_name(ENDPOINT_NAME),
        )
        endpoint = agentcore.RuntimeEndpoint(
            self,
            "Live",
            endpoint_name=ENDPOINT_NAME,
            description="The version that callers get",
            agent_runtime_id=self.runtime.agent_runtime_id,
            agent_runtime_version=self.runtime.agent_runtime_version,
        )
        endpoint.node.add_dependency(log_group)

    def _add_outputs(self, memory: CallerMemory | None) -> None:
        runtime = self.runtime
        self.add_output("RuntimeArn", value=runtime.agent_runtime_arn, description="AgentCore runtime of the agent")
        self.add_output("RuntimeId", value=runtime.agent_runtime_id, description="Id of the runtime")
        self.add_output("RuntimeVersion", value=str(runtime.agent_runtime_version), description="Version that is live")
        self.add_output("RuntimeEndpointName", value=ENDPOINT_NAME, description="Qualifier that callers use")
        if memory:
            self.add_output("MemoryId", value=memory.memory_id, description="AgentCore Memory of the callers' calls")
