"""The user pool of callers: no self sign-up, strong passwords, one-time codes; a sign-in page for the page's users."""

from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import removal_policy
from stacks.parameters import OperationsParameters, Parameters

# The scope of every access token that a sign-in through the user pool's API gets; id tokens have no scope at all.
API_SIGN_IN_SCOPE: Final = "aws.cognito.signin.user.admin"
PASSWORDS: Final = cognito.PasswordPolicy(
    min_length=12,
    require_digits=True,
    require_lowercase=True,
    require_uppercase=True,
    require_symbols=True,
    temp_password_validity=cdk.Duration.days(1),
)


@dataclass(frozen=True, kw_only=True)
class PageAccess:
    """The page's app client, and the origin of the pages that Cognito signs its users in with."""

    client_id: str
    sign_in_url: str


class CallerPool(Construct):
    """Users, the app client that a command signs them in with, and where there is a page, one for it.

    `sign_in_url` is the pool's own origin, where the page's users sign in and programs that place calls get tokens.
    """

    def __init__(self, scope: Construct, construct_id: str, *, parameters: Parameters, page_url: str | None) -> None:
        super().__init__(scope, construct_id)
        self.user_pool = self._user_pool(parameters.operations)
        self.client = self.user_pool.add_client(
            "Client",
            generate_secret=False,
            # The second needs IAM permission: operators use it, pages can't.
            auth_flows=cognito.AuthFlow(user_srp=True, admin_user_password=True),
            disable_o_auth=True,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=cdk.Duration.hours(1),
        )
        self.sign_in_url = _domain(self.user_pool, parameters).base_url() if parameters.has_sign_in_domain else None
        self.page = None
        if page_url and self.sign_in_url:
            client_id = _page_client(self.user_pool, page_url=page_url).user_pool_client_id
            self.page = PageAccess(client_id=client_id, sign_in_url=self.sign_in_url)

    def _user_pool(self, operations: OperationsParameters) -> cognito.UserPool:
        user_pool = cognito.UserPool(
            self,
            "UserPool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True, email=True),
            sign_in_case_sensitive=False,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(sms=False, otp=True),
            password_policy=PASSWORDS,
            deletion_protection=operations.removal == "retain",
            removal_policy=removal_policy(operations),
        )
        acknowledge(
            user_pool,
            {
                "AwsSolutions-COG2": "A second factor is offered, not forced: a caller may be a device or a test; "
                "accounts are made by an operator only",
                "AwsSolutions-COG8": "Threat protection needs the Plus plan, billed for each user; "
                "a deployment that wants it takes its own issuer with connect.authorizer oidc",
            },
        )
        return user_pool


def _domain(user_pool: cognito.UserPool, parameters: Parameters) -> cognito.UserPoolDomain:
    prefix = parameters.web.sign_in_domain_prefix
    return user_pool.add_domain(
        "Domain",
        cognito_domain=cognito.CognitoDomainOptions(
            # Unique in a region, in all accounts.
            domain_prefix=prefix or f"{parameters.project}-{parameters.environment}-{cdk.Aws.ACCOUNT_ID}"
        ),
    )


def _page_client(user_pool: cognito.UserPool, *, page_url: str) -> cognito.UserPoolClient:
    """Authorization code with PKCE, which Cognito asks of a client without a secret that sends a challenge.

    https://docs.aws.amazon.com/cognito/latest/developerguide/using-pkce-in-authorization-code.html
    """
    return user_pool.add_client(
        "Page",
        generate_secret=False,
        # Refreshing is always allowed, and all that the page does besides. Named none, Cognito would allow more.
        auth_flows=cognito.AuthFlow(user_srp=False),
        o_auth=cognito.OAuthSettings(
            flows=cognito.OAuthFlows(authorization_code_grant=True),
            scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.COGNITO_ADMIN],
            # It is the page itself that a browser comes back to.
            callback_urls=[f"{page_url}/"],
            logout_urls=[f"{page_url}/"],
        ),
        supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
        prevent_user_existence_errors=True,
        enable_token_revocation=True,
        access_token_validity=cdk.Duration.hours(1),
        # A day at work; who is not back by then signs in again.
        refresh_token_validity=cdk.Duration.hours(8),
    )
