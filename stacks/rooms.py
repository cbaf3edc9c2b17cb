"""The rooms stack: the function that ends rooms at Daily, and the clock that has it look for forgotten ones."""

from typing import Final

from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.components.daily_access import daily_access
from stacks.components.daily_key_alarm import DailyKeyAlarm
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.rooms_function import RoomsFunction
from stacks.components.session_access import session_access
from stacks.components.sweep_schedule import SweepSchedule
from stacks.parameters import Parameters

SERVICE: Final = "rooms"


class RoomsStack(DeploymentStack):
    """Comes after all that it needs: the runtime, Daily's key and, where Daily is a carrier, the table of calls."""

    def __init__(
        self,
        scope: Construct,
        *,
        parameters: Parameters,
        runtime: agentcore.IBedrockAgentRuntime,
        endpoint_name: str,
        secret: secretsmanager.ISecret,
        call_table: dynamodb.ITable | None,
    ) -> None:
        super().__init__(scope, "rooms", parameters=parameters, description="Ends the rooms at Daily")
        runtime_arn, daily = runtime.agent_runtime_arn, daily_access(parameters, secret_arn=secret.secret_arn)
        function = RoomsFunction(
            self,
            "Rooms",
            function_name=parameters.rooms_function_name,
            operations=parameters.operations,
            environment={
                "POWERTOOLS_LOG_LEVEL": "INFO",
                "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
                "POWERTOOLS_SERVICE_NAME": SERVICE,
                "SWITCHBOARD_ENDPOINT_NAME": endpoint_name,
                "SWITCHBOARD_RUNTIME_ARN": runtime_arn,
                **daily.environment,
                **({"SWITCHBOARD_CALL_TABLE_NAME": call_table.table_name} if call_table else {}),
            },
        ).function
        for permission in (
            session_access(["StopRuntimeSession"], runtime_arn=runtime_arn, endpoint_name=endpoint_name),
            *daily.permissions,
            *([_table_access(call_table)] if call_table else ()),
        ):
            function.add_to_role_policy(permission)
        SweepSchedule(self, "Sweep", function=function)
        DailyKeyAlarm(self, "DailyKeyAlarm", service=SERVICE, parameters=parameters)
        self.add_output(
            "RoomsFunctionName", value=function.function_name, description="Function that the agent tells of an end"
        )


def _table_access(table: dynamodb.ITable) -> iam.PolicyStatement:
    """To write down how a call is, in a record that is there."""
    return iam.PolicyStatement(sid="CallTable", actions=["dynamodb:UpdateItem"], resources=[table.table_arn])
