"""A deployment's account at the stand-in of Daily, and the secret that tells its functions the key."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from local.daily.admin_client import Account, Admin, PhoneNumber


@dataclass(frozen=True, kw_only=True)
class DailyAccount:
    """The account whose key is in the secret. `admin` sees, and does, what an account's owner can't."""

    account: Account
    admin: Admin
    secret_arn: str
    secrets_manager: Any = field(repr=False)

    @classmethod
    def open(cls, *, client: Any, base_url: str, stack_name: str, numbers: Sequence[PhoneNumber] = ()) -> Self:
        """Open an account and fill in the secret, unless it holds the key of one; `client` makes boto3 clients.

        A function keeps a key for minutes: with a new account each time it would go on in the one before.
        """
        (stack,) = client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        admin, secrets_manager = Admin(base_url), client("secretsmanager")
        secret_arn = outputs["DailySecretArn"]
        secret = json.loads(secrets_manager.get_secret_value(SecretId=secret_arn)["SecretString"])
        known = _account(admin, api_key=secret["apiKey"]) if secret["apiKey"] else None
        opened = cls(
            account=known or admin.add_account(numbers=numbers),
            admin=admin,
            secret_arn=secret_arn,
            secrets_manager=secrets_manager,
        )
        if known is None:
            opened.fill_secret(api_key=opened.account.api_key)
        return opened

    @property
    def secret(self) -> dict[str, str]:
        """What the deployment's functions read."""
        secret: dict[str, str] = json.loads(
            self.secrets_manager.get_secret_value(SecretId=self.secret_arn)["SecretString"]
        )
        return secret

    def fill_secret(self, *, api_key: str) -> None:
        """Write the key and the domain's id beside what the deployment put there."""
        secret = self.secret | {"apiKey": api_key, "domainId": self.account.domain_id}
        self.secrets_manager.put_secret_value(SecretId=self.secret_arn, SecretString=json.dumps(secret))

    def serve_number(self, number: str, *, webhook_url: str) -> None:
        """Have Daily ask this address for a room when the number is called, as docs/telephony/daily.md has it."""
        dialin = {
            "phone_number": number,
            "room_creation_api": webhook_url,
            "hmac": self.secret["webhookHmac"],
            "name_prefix": "Phone",
        }
        headers = {"Authorization": f"Bearer {self.secret['apiKey']}"}
        properties = {"properties": {"pinless_dialin": [dialin]}}
        httpx.post(f"{self.admin.api_url}/", json=properties, headers=headers, timeout=30).raise_for_status()

    def room_names(self) -> set[str]:
        """The rooms that are there now."""
        return {room["name"] for room in self.admin.rooms(self.account)}


def _account(admin: Admin, *, api_key: str) -> Account | None:
    """The account of a key; None where the stand-in has none, as after a new start of the embedded cloud."""
    answer = httpx.get(f"{admin.api_url}/", headers={"Authorization": f"Bearer {api_key}"})
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return None
    domain = answer.raise_for_status().json()
    return Account(domain=domain["domain_name"], api_key=api_key, domain_id=domain["domain_id"], numbers=[])
