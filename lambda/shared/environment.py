"""Environment variables read with a rule each, so that a wrong deployment hears of every mistake at once."""

import re
from collections.abc import Mapping

from shared.endpoints import checked_url, service_endpoint
from shared.secret_reference import SecretReference

_SECRETSMANAGER_ARN = r"arn:aws(-us-gov)?:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+"


class SettingsError(Exception):
    """The environment is incomplete or wrong; the message lists each variable, the value got and what is allowed."""


class Reader:
    """Reads variables and collects what is wrong with them; a wrong one reads as empty until `raise_problems`."""

    def __init__(self, *, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str, *, pattern: str, allowed: str, default: str = "") -> str:
        """A value that matches `pattern` as a whole; `allowed` says the same to people."""
        value = self._environ.get(name, default)
        if re.fullmatch(pattern, value):
            return value
        got = repr(value) if value else "nothing"
        self._problems.append(f"{name}: got {got}, needed {allowed}")
        return ""

    def whole_number(self, name: str, *, largest: int, smallest: int = 1) -> int:
        """A number in decimal digits."""
        allowed = f"a whole number from {smallest} to {largest}"
        value = int(self.text(name, pattern=r"[0-9]{1,9}", allowed=allowed) or smallest)
        if not smallest <= value <= largest:
            self._problems.append(f"{name}: got {value}, needed {allowed}")
        return value

    def secret(self, name: str) -> SecretReference:
        """A secret in Secrets Manager, by its ARN."""
        arn = self.text(name, pattern=_SECRETSMANAGER_ARN, allowed="a secret's ARN")
        region = region_of(arn=arn)
        return SecretReference(
            arn=arn,
            region=region,
            endpoint_url=self.endpoint("Secrets Manager", host_prefix="secretsmanager", region=region),
        )

    def endpoint(self, service_id: str, *, host_prefix: str, region: str) -> str:
        """The base URL of an AWS service, as `service_endpoint` finds it."""
        try:
            return service_endpoint(
                service_id=service_id, host_prefix=host_prefix, region=region, environ=self._environ
            )
        except ValueError as error:
            self._problems.append(str(error))
            return ""

    def url(self, name: str, *, default: str) -> str:
        """A base URL without a trailing slash."""
        try:
            return checked_url(name=name, url=self._environ.get(name) or default)
        except ValueError as error:
            self._problems.append(str(error))
            return ""

    def raise_problems(self) -> None:
        """Raise `SettingsError` with all that was wrong so far."""
        if self._problems:
            raise SettingsError(
                "the function's environment is wrong; deploy the connect stack again, which sets it:\n  "
                + "\n  ".join(dict.fromkeys(self._problems))
            )


def region_of(*, arn: str) -> str:
    """The region in an ARN; empty for an ARN that read as empty."""
    return arn.split(":")[3] if arn else ""
