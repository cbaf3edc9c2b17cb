"""A deployed telephony stack, as its carriers know it: where its webhooks are, and whose account its secrets name."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from tests.carriers.standin import CarrierStandIn

CARRIERS: Final = {
    "twilio": "TwilioStandIn",
    "vonage": "VonageStandIn",
    "telnyx": "TelnyxStandIn",
    "plivo": "PlivoStandIn",
}
CALLER: Final = "+14155550100"


@dataclass(frozen=True, kw_only=True)
class DeployedTelephony:
    """The outputs of the stack `{project}-{environment}-telephony`, and the numbers of its carriers.

    `trust` verifies the relay; whoever has no relay has no `relay_address`.
    """

    webhook_base: str
    secret_arns: Mapping[str, str]
    relay_host: str
    relay_address: tuple[str, int]
    trust: ssl.SSLContext
    secrets_manager: Any = field(repr=False)
    accounts: dict[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, *, client: Any, ca_bundle: str, stack_name: str) -> "DeployedTelephony":
        """Ask CloudFormation; `client` makes boto3 clients by a service's name."""
        (stack,) = client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        host, _, port = outputs.get("RelayLoadBalancerName", "").partition(":")
        return cls(
            webhook_base=outputs["TelephonyUrl"],
            secret_arns={
                carrier: outputs[f"{carrier.title()}SecretArn"]
                for carrier in CARRIERS
                if f"{carrier.title()}SecretArn" in outputs
            },
            relay_host=outputs.get("RelayDomainName", ""),
            relay_address=("127.0.0.1" if host.endswith(".localhost") else host, int(port or 443)),
            trust=ssl.create_default_context(cafile=ca_bundle),
            secrets_manager=client("secretsmanager"),
        )

    def stand_in(self, carrier: str, *, api_port: int = 0) -> CarrierStandIn:
        """The carrier, with a customer whose account is in the deployment's secret: the same one each time."""
        module = import_module(f"tests.carriers.{carrier}")
        if carrier not in self.accounts:
            self.accounts[carrier] = module.new_account()
            self._fill_secret(carrier)
        made: CarrierStandIn = getattr(module, CARRIERS[carrier])(
            account=self.accounts[carrier],
            webhook_base=self.webhook_base,
            connect=self.resolve,
            trust=self.trust,
            api_port=api_port,
            plain_hosts={"127.0.0.1"},
        )
        return made

    def _fill_secret(self, carrier: str) -> None:
        fields = import_module(f"telephony.carriers.{carrier}").CARRIER.secret_fields
        account = self.accounts[carrier]
        self.secrets_manager.put_secret_value(
            SecretId=self.secret_arns[carrier], SecretString=json.dumps({name: account[name] for name in fields})
        )

    def resolve(self, url: str) -> tuple[str, int]:
        """Where a WebSocket URL leads: the relay's name has no DNS here, and is its load balancer's for the carrier."""
        parts = urlsplit(url)
        if parts.hostname == self.relay_host:
            return self.relay_address
        return parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
