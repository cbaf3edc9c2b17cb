"""What protects callers and the deployment's secrets: who gets in, what is remembered, written down and kept."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stacks.configuration.errors import Mistake
from stacks.configuration.presence import superfluous_values
from stacks.configuration.values import TRIAL_ENVIRONMENTS

if TYPE_CHECKING:
    from stacks.parameters import Parameters

SECRETS: Final = (("turn", "secret_arn"), ("turn", "certificate_secret_arn"), ("agent", "speech_secret_arn"))


def _strangers_stay_out(parameters: "Parameters") -> Iterator[Mistake]:
    """`connect.authorizer` none and the origin `*` are for the environments dev and local."""
    if parameters.environment in TRIAL_ENVIRONMENTS:
        return
    if parameters.connect.authorizer == "none":
        yield Mistake(
            path="connect.authorizer",
            got="none",
            allowed=f"cognito or oidc in {parameters.environment}; none, for anybody, only in dev and local",
            remedy="set connect.authorizer to cognito or oidc",
        )
    if "*" in parameters.connect.allowed_origins:
        yield Mistake(
            path="connect.allowed_origins",
            got=parameters.connect.allowed_origins,
            allowed=f"named https:// origins in {parameters.environment}; * only in dev and local",
            remedy="list the pages' origins",
        )


def _memory_knows_its_callers(parameters: "Parameters") -> Iterator[Mistake]:
    """`memory.retention_days` needs `memory.enabled`, which needs a `connect.authorizer` other than none."""
    if not parameters.memory.enabled:
        yield from superfluous_values(
            parameters.memory,
            path="memory",
            superfluous=["retention_days"],
            reason="memory.enabled is false",
            remedy="set memory.enabled to true",
            depends_on=("memory.enabled",),
        )
    elif parameters.connect.authorizer == "none":
        yield Mistake(
            path="memory.enabled",
            got=True,
            allowed="false, as connect.authorizer is none: nobody could tell one caller's memory from another's",
            remedy="set connect.authorizer to cognito or oidc, or memory.enabled to false",
            depends_on=("connect.authorizer",),
        )


def _transcripts_are_under_lock(parameters: "Parameters") -> Iterator[Mistake]:
    """`operations.log_transcripts` needs `operations.log_encryption` customer_key outside of dev and local."""
    operations = parameters.operations
    if (
        operations.log_transcripts
        and operations.log_encryption != "customer_key"
        and parameters.environment not in TRIAL_ENVIRONMENTS
    ):
        yield Mistake(
            path="operations.log_transcripts",
            got=True,
            allowed=f"false in {parameters.environment}, unless operations.log_encryption is customer_key: "
            "what callers said has a key then that can be watched and taken away",
            remedy="set operations.log_encryption to customer_key, or operations.log_transcripts to false",
            depends_on=("operations.log_encryption",),
        )


def _production_keeps_its_data(parameters: "Parameters") -> Iterator[Mistake]:
    """In prod, `operations.removal` is retain."""
    if parameters.environment == "prod" and parameters.operations.removal != "retain":
        yield Mistake(
            path="operations.removal",
            got=parameters.operations.removal,
            allowed="retain in prod, where a deleted user pool means every caller's account",
            remedy="set operations.removal to retain; delete what is left by hand after a teardown",
        )


def _secrets_are_where_they_are_read(parameters: "Parameters") -> Iterator[Mistake]:
    """`turn.secret_arn`, `turn.certificate_secret_arn` and `agent.speech_secret_arn` are in `region`, `account_id`."""
    for section, name in SECRETS:
        arn = getattr(getattr(parameters, section), name)
        if not arn:
            continue
        _, _, _, region, account_id, *_ = arn.split(":")
        if region != parameters.region:
            yield Mistake(
                path=f"{section}.{name}",
                got=arn,
                allowed=f"a secret in {parameters.region}, where it is read",
                remedy="replicate the secret to this region and name the replica, or choose another",
                depends_on=("region",),
            )
        if account_id != (parameters.account_id or account_id):
            yield Mistake(
                path=f"{section}.{name}",
                got=arn,
                allowed=f"a secret in account {parameters.account_id}: Secrets Manager's own key opens none to another",
                remedy="make the secret in this account and name it",
                depends_on=("account_id",),
            )


PRIVACY_RULES: Final = (
    _strangers_stay_out,
    _memory_knows_its_callers,
    _transcripts_are_under_lock,
    _production_keeps_its_data,
    _secrets_are_where_they_are_read,
)
