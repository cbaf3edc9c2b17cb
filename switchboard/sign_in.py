"""Gets the access token that the connect API asks for, and leaves no user behind."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from switchboard.deployment import Deployment
from switchboard.errors import ExitCode, OperatorError

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls: a token from any issuer, a user of the pool, or (all None) a temporary user."""

    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@contextmanager
def access_token(
    *, cognito: "CognitoIdentityProviderClient", deployment: Deployment, identity: Identity
) -> Iterator[str | None]:
    """Yield the token to call with; None where the deployment has no authorizer.

    A temporary user is deleted on the way out, whatever happened. Raises OperatorError (SIGN_IN).
    """
    if identity.token is not None:
        yield identity.token
    elif deployment.user_pool_id is not None and deployment.user_pool_client_id is not None:
        pool = _UserPool(cognito, pool_id=deployment.user_pool_id, client_id=deployment.user_pool_client_id)
        with pool.user(identity) as (username, password):
            yield pool.sign_in(username=username, password=password)
    elif deployment.issuer is not None:
        next_step = "pass its access token with --token or SWITCHBOARD_TOKEN"
        raise _failure("the API trusts an issuer other than a user pool of its own", next_step=next_step)
    else:
        yield None


@contextmanager
def temporary_user(
    *, cognito: "CognitoIdentityProviderClient", pool_id: str, client_id: str
) -> Iterator[tuple[str, str]]:
    """Yield the name and password of a user who is deleted on the way out. Raises OperatorError (SIGN_IN)."""
    with _UserPool(cognito, pool_id=pool_id, client_id=client_id).user(Identity()) as user:
        yield user


class _UserPool:
    def __init__(self, cognito: "CognitoIdentityProviderClient", *, pool_id: str, client_id: str) -> None:
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id

    def sign_in(self, *, username: str, password: str) -> str:
        with _failures_told("the user cannot sign in", next_step="check the user name and the password"):
            answer = self._cognito.admin_initiate_auth(
                UserPoolId=self._pool_id,
                ClientId=self._client_id,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": username, "PASSWORD": password},
            )
        result = answer.get("AuthenticationResult", {})
        if "AccessToken" not in result:
            challenge = answer.get("ChallengeName", "no token and no challenge")
            next_step = "sign in elsewhere and pass the access token with --token"
            raise _failure(f"the user pool asks for {challenge}", next_step=next_step)
        return result["AccessToken"]

    @contextmanager
    def user(self, identity: Identity) -> Iterator[tuple[str, str]]:
        """User name and password to sign in with; a temporary user lives as long as the block."""
        if identity.username is not None and identity.password is not None:
            yield identity.username, identity.password
            return
        username = f"switchboard-call-{secrets.token_hex(8)}"
        password = f"{secrets.token_urlsafe(24)}aA1!"
        with ExitStack() as cleanup:
            cleanup.callback(self._delete, username)
            try:
                self._create(username)
            except OperatorError:
                cleanup.pop_all()  # Refused: there is no user to delete.
                raise
            self._set_password(username, password)
            yield username, password

    def _create(self, username: str) -> None:
        with _failures_told("no temporary user can be made", next_step="or call as a user: --username, --password"):
            self._cognito.admin_create_user(UserPoolId=self._pool_id, Username=username, MessageAction="SUPPRESS")

    def _set_password(self, username: str, password: str) -> None:
        with _failures_told("the temporary user gets no password", next_step="check the pool's password policy"):
            self._cognito.admin_set_user_password(
                UserPoolId=self._pool_id, Username=username, Password=password, Permanent=True
            )

    def _delete(self, username: str) -> None:
        with _failures_told("the temporary user is left in the pool", next_step=f"delete user {username}"):
            self._cognito.admin_delete_user(UserPoolId=self._pool_id, Username=username)


@contextmanager
def _failures_told(problem: str, *, next_step: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _failure(f"{problem}: {error.response['Error']['Message']}", next_step=next_step) from None
    except BotoCoreError as error:
        raise _failure(f"{problem}: {error}", next_step=next_step) from None


def _failure(problem: str, *, next_step: str) -> OperatorError:
    return OperatorError(
        exit_code=ExitCode.SIGN_IN,
        problem=problem,
        causes=["wrong user or password", "the AWS credentials may not administer users of this pool"],
        next_steps=[
            next_step,
            "allow the credentials cognito-idp: AdminInitiateAuth, Admin{Create,Delete}User, AdminSetUserPassword",
        ],
    )
