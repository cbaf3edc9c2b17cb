"""The telephony stack: what carriers ask about a call, who may place calls, and the relay that Twilio needs."""

from typing import Final

from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.components.call_table import CallTable
from stacks.components.calls_access import CallsAccess
from stacks.components.carrier_secrets import CarrierSecrets
from stacks.components.daily_access import DailyAccess, daily_access
from stacks.components.daily_key_alarm import DailyKeyAlarm
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.relay.relay import Relay
from stacks.components.session_access import session_access
from stacks.components.telephony_environment import SERVICE, telephony_environment
from stacks.components.telephony_function import TelephonyFunction
from stacks.components.telephony_routes import TelephonyRoutes
from stacks.connect import ConnectStack
from stacks.network import AgentNetwork
from stacks.parameters import Parameters

# Of a call through these no way in to the agent is signed: the relay signs its own, and a room's agent is told to join.
UNSIGNED: Final = frozenset({"twilio", "daily"})
TABLE_ACTIONS: Final = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]


class TelephonyStack(DeploymentStack):
    """One function holds the carriers' secrets; neither the agent nor the relay has any.

    `network` is where the relay runs; only carrier twilio needs one. Daily's secret is the connect stack's.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        parameters: Parameters,
        runtime: agentcore.IBedrockAgentRuntime,
        endpoint_name: str,
        connect: ConnectStack,
        network: AgentNetwork | None,
    ) -> None:
        super().__init__(scope, "telephony", parameters=parameters, description="Phone calls through carriers")
        telephony, operations, runtime_arn = parameters.telephony, parameters.operations, runtime.agent_runtime_arn
        self.call_table = table = CallTable(self, "CallTable", operations=operations)
        secrets = CarrierSecrets(self, "Secrets", carriers=telephony.carriers, operations=operations)
        calls = CallsAccess(self, "Calls", parameters=parameters, pool=connect.pool) if telephony.numbers else None
        daily = _daily(parameters, connect)
        relay = None
        if network and "twilio" in telephony.carriers:
            relay = Relay(
                self,
                "Relay",
                parameters=parameters,
                network=network,
                runtime_arn=runtime_arn,
                endpoint_name=endpoint_name,
                table=table,
            )
        keys = {
            "SWITCHBOARD_SESSION_KEY_SECRET_ARN": connect.session_key.secret_arn,
            **{f"SWITCHBOARD_{carrier.upper()}_SECRET_ARN": arn for carrier, arn in secrets.arns.items()},
            **({"SWITCHBOARD_RELAY_KEY_SECRET_ARN": relay.key.secret_arn} if relay else {}),
        }
        function = TelephonyFunction(
            self,
            "Telephony",
            operations=operations,
            environment={
                "SWITCHBOARD_CALL_TABLE_NAME": table.table_name,
                "SWITCHBOARD_ENDPOINT_NAME": endpoint_name,
                "SWITCHBOARD_PUBLIC_URL": connect.api_url,
                "SWITCHBOARD_RUNTIME_ARN": runtime_arn,
                **keys,
                **daily.environment,
                **telephony_environment(parameters, calls_scope=calls.scope if calls else None),
            },
        ).function
        for permission in (
            session_access(_agent_actions(telephony.carriers), runtime_arn=runtime_arn, endpoint_name=endpoint_name),
            iam.PolicyStatement(
                sid="Secrets", actions=["secretsmanager:GetSecretValue"], resources=list(keys.values())
            ),
            iam.PolicyStatement(sid="CallTable", actions=TABLE_ACTIONS, resources=[table.table_arn]),
            *daily.permissions,
        ):
            function.add_to_role_policy(permission)
        TelephonyRoutes(
            self,
            "Routes",
            api_id=connect.http_api.api_id,
            function=function,
            carriers=telephony.carriers,
            calls=calls,
        )
        if "daily" in telephony.carriers:
            DailyKeyAlarm(self, "DailyKeyAlarm", service=SERVICE, parameters=parameters)
        self._add_outputs(connect=connect, secrets=secrets, calls=calls, relay=relay)

    def _add_outputs(
        self, *, connect: ConnectStack, secrets: CarrierSecrets, calls: CallsAccess | None, relay: Relay | None
    ) -> None:
        url = f"{connect.api_url}/telephony"
        self.add_output("TelephonyUrl", value=url, description="Base URL of the carriers' webhooks")
        for carrier, arn in secrets.arns.items():
            name = carrier.capitalize()
            self.add_output(f"{name}SecretArn", value=arn, description=f"Secret to fill in with the account at {name}")
        if calls and calls.client_id and calls.token_url:
            self.add_output("CallsClientId", value=calls.client_id, description="App client that programs call with")
            self.add_output("CallsTokenUrl", value=calls.token_url, description="Where programs get tokens to call")
        if relay:
            self.add_output("RelayDomainName", value=relay.domain_name, description="Name that Twilio connects to")
            self.add_output(
                "RelayLoadBalancerName", value=relay.load_balancer_name, description="What that name has to lead to"
            )


def _daily(parameters: Parameters, connect: ConnectStack) -> DailyAccess:
    if "daily" not in parameters.telephony.carriers:
        return DailyAccess()
    if connect.daily_secret is None:
        raise ValueError("telephony.carriers daily needs daily among transports")
    return daily_access(parameters, secret_arn=connect.daily_secret.secret_arn)


def _agent_actions(carriers: tuple[str, ...]) -> list[str]:
    """To ask how a call went and to end it; and for those who connect to AgentCore itself, to sign the way in."""
    signed = ["InvokeAgentRuntimeWithWebSocketStream"] if set(carriers) - UNSIGNED else []
    return ["InvokeAgentRuntime", *signed, "StopRuntimeSession"]
