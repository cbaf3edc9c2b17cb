"""The connect stack: the API that a caller asks for a session, and the function that signs the way in."""

from typing import Final

from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.caller_authorizer import CallerAuthorizer
from stacks.components.caller_pool import CallerPool
from stacks.components.connect_api import ConnectApi
from stacks.components.connect_function import ConnectFunction
from stacks.components.daily_access import DailyAccess, daily_access
from stacks.components.daily_key_alarm import DailyKeyAlarm
from stacks.components.daily_secret import DailySecret
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.ice_source import IceSource
from stacks.components.log_group import removal_policy
from stacks.components.session_access import session_access
from stacks.parameters import OperationsParameters, Parameters

SERVICE: Final = "connect"
SESSION_ACTIONS: Final = ("InvokeAgentRuntime", "InvokeAgentRuntimeWithWebSocketStream", "StopRuntimeSession")


class ConnectStack(DeploymentStack):
    """Callers never get AWS credentials: the function signs one URL, or carries one offer, for one session.

    `api_url` has no path; `page_sign_in` is there where the page is and callers sign in, `pool` where Cognito signs in,
    `daily_secret` where calls take place in rooms at Daily.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        parameters: Parameters,
        runtime: agentcore.IBedrockAgentRuntime,
        endpoint_name: str,
        ice_source: IceSource,
        page_url: str | None,
    ) -> None:
        super().__init__(scope, "connect", parameters=parameters, description="API that callers get sessions from")
        operations = parameters.operations
        self.session_key = self._session_key(operations)
        self.daily_secret = DailySecret(self, "DailySecret", operations=operations) if parameters.has_rooms else None
        daily = (
            daily_access(parameters, secret_arn=self.daily_secret.secret_arn) if self.daily_secret else DailyAccess()
        )
        function = ConnectFunction(
            self,
            "Connect",
            operations=operations,
            environment={
                "SWITCHBOARD_ENDPOINT_NAME": endpoint_name,
                "SWITCHBOARD_RUNTIME_ARN": runtime.agent_runtime_arn,
                "SWITCHBOARD_SESSION_KEY_SECRET_ARN": self.session_key.secret_arn,
                **_choices(parameters),
                **ice_source.environment,
                **daily.environment,
            },
        ).function
        for permission in (
            session_access(SESSION_ACTIONS, runtime_arn=runtime.agent_runtime_arn, endpoint_name=endpoint_name),
            self._key_access(self.session_key),
            *ice_source.permissions,
            *daily.permissions,
        ):
            function.add_to_role_policy(permission)
        authorizer = CallerAuthorizer(self, "Callers", parameters=parameters, page_url=page_url)
        self.pool = authorizer.pool
        self.http_api = ConnectApi(
            self, "Api", function=function, authorizer=authorizer, parameters=parameters, page_url=page_url
        ).http_api
        self.api_url = self.http_api.api_endpoint
        self.page_sign_in = authorizer.page_sign_in
        if parameters.has_rooms:
            DailyKeyAlarm(self, "DailyKeyAlarm", service=SERVICE, parameters=parameters)
        self._add_outputs(authorizer)

    def _session_key(self, operations: OperationsParameters) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "SessionKey",
            description="Key that binds a session's id to its caller",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=64),
            removal_policy=removal_policy(operations),
        )
        acknowledge(
            secret,
            {"AwsSolutions-SMG4": "A new key disowns every running session, so it changes on purpose, not by date"},
        )
        return secret

    def _key_access(self, session_key: secretsmanager.ISecret) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="SessionKey", actions=["secretsmanager:GetSecretValue"], resources=[session_key.secret_arn]
        )

    def _add_outputs(self, authorizer: CallerAuthorizer) -> None:
        self.add_output("ApiUrl", value=self.api_url, description="Base URL of the connect API")
        self.add_output("Region", value=self.region, description="Region of the deployment")
        if secret := self.daily_secret:
            arn = secret.secret_arn
            self.add_output("DailySecretArn", value=arn, description="Secret to fill in with the account at Daily")
        if issuer_url := authorizer.issuer_url:
            self.add_output("Issuer", value=issuer_url, description="Issuer of the access tokens that the API takes")
        if pool := authorizer.pool:
            self._add_outputs_of_the_pool(pool)

    def _add_outputs_of_the_pool(self, pool: CallerPool) -> None:
        self.add_output("UserPoolId", value=pool.user_pool.user_pool_id, description="User pool of the callers")
        client_id = pool.client.user_pool_client_id
        self.add_output("UserPoolClientId", value=client_id, description="App client that a command signs in with")
        if page := pool.page:
            self.add_output("PageClientId", value=page.client_id, description="App client that the page signs in with")
            self.add_output("SignInUrl", value=page.sign_in_url, description="Where the page's users sign in")


def _choices(parameters: Parameters) -> dict[str, str]:
    return {
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
        "POWERTOOLS_SERVICE_NAME": SERVICE,
        "SWITCHBOARD_AUTHORIZER": parameters.connect.authorizer,
        "SWITCHBOARD_MAX_BODY_BYTES": str(parameters.connect.max_body_bytes),
        "SWITCHBOARD_MEMORY": "on" if parameters.memory.enabled else "off",
        "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": str(parameters.connect.presigned_url_lifetime_seconds),
        "SWITCHBOARD_TRANSPORTS": ",".join(parameters.transports),
    }
