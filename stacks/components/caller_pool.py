"""The user pool of callers: no self sign-up, strong passwords, one-time codes for those who want them."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import removal_policy
from stacks.parameters import OperationsParameters

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


class CallerPool(Construct):
    """Users and the app client that a page or a command signs them in with."""

    def __init__(self, scope: Construct, construct_id: str, *, operations: OperationsParameters) -> None:
        super().__init__(scope, construct_id)
        self.user_pool = cognito.UserPool(
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
        acknowledge(
            self.user_pool,
            {
                "AwsSolutions-COG2": "A second factor is offered, not forced: a caller may be a device or a test; "
                "accounts are made by an operator only",
                "AwsSolutions-COG8": "Threat protection needs the Plus plan, billed for each user; "
                "a deployment that wants it takes its own issuer with connect.authorizer oidc",
            },
        )
