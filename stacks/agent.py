"""The agent stack: the container image, its role, the AgentCore runtime and the endpoint `live`."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_bedrockagentcore as agentcore
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.agent_image import AgentImage
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.execution_role import ExecutionRole
from stacks.components.log_group import LogGroup
from stacks.network import AgentNetwork
from stacks.parameters import AgentParameters, Parameters

ENDPOINT_NAME: Final = "live"
LOG_LEVEL: Final = "INFO"
URI_NOTE: Final = "aws-cdk-lib.aws-bedrockagentcore:containerUriValidationSkipped"


class AgentStack(DeploymentStack):
    """One AgentCore runtime; without a network it runs in AgentCore's public one."""

    def __init__(self, scope: Construct, *, parameters: Parameters, network: AgentNetwork | None) -> None:
        super().__init__(scope, "agent", parameters=parameters, description="Voice agent on Bedrock AgentCore Runtime")
        agent, name = parameters.agent, parameters.agent_runtime_name
        image = AgentImage(self, "Image", agent=agent, operations=parameters.operations)
        role = ExecutionRole(self, "Role", runtime_name=name, repository=image.repository, agent=agent)
        self.runtime = agentcore.Runtime(
            self,
            "Runtime",
            runtime_name=name,
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
            environment_variables=self._environment_variables(agent),
        )
        acknowledge(self.runtime, {URI_NOTE: "The image's URI has the account in it, which the deployment decides"})
        self._add_endpoint(parameters)
        self._add_outputs()

    def _network_configuration(self, network: AgentNetwork | None) -> agentcore.RuntimeNetworkConfiguration:
        if network is None:
            return agentcore.RuntimeNetworkConfiguration.using_public_network()
        return agentcore.RuntimeNetworkConfiguration.using_vpc(
            self, vpc=network.vpc, vpc_subnets=network.subnets, security_groups=[network.security_group]
        )

    def _environment_variables(self, agent: AgentParameters) -> dict[str, str]:
        model = {"SWITCHBOARD_MODEL_ID": agent.resolved_model_id} if agent.resolved_model_id else {}
        return {
            "AWS_REGION": self.region,
            "SWITCHBOARD_LOG_LEVEL": LOG_LEVEL,
            "SWITCHBOARD_PIPELINE": agent.pipeline,
            "SWITCHBOARD_PLATFORM_VERSION": agent.platform_version,
            **model,
        }

    def _add_endpoint(self, parameters: Parameters) -> None:
        """Let `live` follow each deploy. AgentCore makes a missing log group, which never expires: ours comes first."""
        log_group = LogGroup(
            self,
            "LiveLogGroup",
            operations=parameters.operations,
            log_group_name=f"/aws/bedrock-agentcore/runtimes/{self.runtime.agent_runtime_id}-{ENDPOINT_NAME}",
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

    def _add_outputs(self) -> None:
        runtime = self.runtime
        self.add_output("RuntimeArn", value=runtime.agent_runtime_arn, description="AgentCore runtime of the agent")
        self.add_output("RuntimeId", value=runtime.agent_runtime_id, description="Id of the runtime")
        self.add_output("RuntimeVersion", value=str(runtime.agent_runtime_version), description="Version that is live")
        self.add_output("RuntimeEndpointName", value=ENDPOINT_NAME, description="Qualifier that callers use")
