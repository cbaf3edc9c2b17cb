"""All load balancers and target groups of this cloud, by their ARNs."""

import asyncio
import ssl
from pathlib import Path

from local.load_balancing.load_balancer import LoadBalancer
from local.load_balancing.target_group import TargetGroup, TargetGroupSettings

DOMAIN = "elb.localhost"


class LoadBalancers:
    """It belongs to one event loop. All listeners show the same certificate."""

    def __init__(self, *, certificate: Path, key: Path) -> None:
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls.load_cert_chain(certificate, key)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._balancers: dict[str, LoadBalancer] = {}
        self._groups: dict[str, TargetGroup] = {}

    def add(self, arn: str, *, name: str, idle_seconds: float) -> str:
        """Make a load balancer and return its DNS name, which holds its port."""
        self._balancers[arn] = LoadBalancer(idle_seconds=idle_seconds)
        return self.dns_name(arn, name=name)

    def dns_name(self, arn: str, *, name: str) -> str:
        """Return the DNS name of a load balancer."""
        return f"{name}.{DOMAIN}:{self._balancers[arn].port}"

    def configure(self, arn: str, *, idle_seconds: float) -> None:
        """Change the idle time-out of the connections to come."""
        self._balancers[arn].idle_seconds = idle_seconds

    async def listen(self, arn: str, *, group_arn: str) -> None:
        """Let a load balancer listen before a target group, in place of the one before which it did; LookupError."""
        if arn not in self._balancers:
            raise LookupError(f"Load balancer '{arn}' not found")
        await self._balancers[arn].listen(self._tls, self.group(group_arn))

    async def close_listener(self, arn: str) -> None:
        """End the listener of a load balancer, if both are there."""
        if balancer := self._balancers.get(arn):
            await balancer.close_listener()

    async def remove(self, arn: str) -> None:
        """End a load balancer, if it is there."""
        if balancer := self._balancers.pop(arn, None):
            await balancer.aclose()

    def add_group(self, arn: str, settings: TargetGroupSettings) -> None:
        """Make a target group."""
        self._groups[arn] = TargetGroup(settings)

    def group(self, arn: str) -> TargetGroup:
        """Return a target group; LookupError when there is none of this ARN."""
        if arn not in self._groups:
            raise LookupError(f"Target group '{arn}' not found")
        return self._groups[arn]

    async def remove_group(self, arn: str) -> None:
        """End a target group, if it is there."""
        if group := self._groups.pop(arn, None):
            await group.aclose()

    async def aclose(self) -> None:
        """End everything."""
        await asyncio.gather(*(balancer.aclose() for balancer in self._balancers.values()))
        await asyncio.gather(*(group.aclose() for group in self._groups.values()))
