"""A secret as configuration names it: where it is, and never what it is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SecretReference:
    """A secret by its ARN, and the endpoint of Secrets Manager in its region."""

    arn: str
    region: str
    endpoint_url: str
