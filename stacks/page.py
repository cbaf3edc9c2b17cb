"""The page stack: puts the page where it is served from, and tells it what is deployed."""

import json
from pathlib import Path
from typing import Final

from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as s3_deployment
from constructs import Construct

from stacks.components.deployment_stack import DeploymentStack
from stacks.components.page_files import PageFiles
from stacks.components.page_policy import page_policy, websocket_source
from stacks.components.page_sign_in import PageSignIn
from stacks.parameters import Parameters
from stacks.web import WebStack

# What `make web` makes of web/.
RELEASE: Final = Path(__file__).parents[1] / "web" / "release"
# The one that recovers best from bad networks comes first.
RECOMMENDED: Final = ("webrtc", "daily", "websocket")
HEAD: Final = "<head>"


class PageStack(DeploymentStack):
    """The same files in every deployment, but for config.json and the hosts in the page's policy."""

    def __init__(
        self,
        scope: Construct,
        *,
        parameters: Parameters,
        web: WebStack,
        api_url: str,
        sign_in: PageSignIn | None,
    ) -> None:
        super().__init__(scope, "page", parameters=parameters, description="The page to talk from, and what it is told")
        self.add_stack_dependency(web, "the page goes into its bucket")
        policy = page_policy(
            parameters.transports,
            hosts=[f"{api_url}/", *self._agentcore(parameters), *(sign_in.hosts if sign_in else ())],
            media_hosts=parameters.daily.media_hosts,
        )
        config = {
            "name": f"{parameters.project}-{parameters.environment}",
            "apiUrl": api_url,
            "transports": [name for name in RECOMMENDED if name in parameters.transports],
            "signIn": sign_in.config if sign_in else None,
            "reconnectGraceSeconds": parameters.agent.reconnect_grace_seconds,
            "memory": parameters.memory.enabled,
        }
        PageFiles(
            self,
            "Files",
            release=RELEASE,
            entry=[
                s3_deployment.Source.data("index.html", with_policy(read_index(RELEASE), policy)),
                # Source.json_data would lose each null on its way through jsii. URLs and ids need no escaping in JSON.
                s3_deployment.Source.data("config.json", json.dumps(config, indent=2)),
            ],
            bucket=s3.Bucket.from_bucket_name(self, "Bucket", web.output_for_others("BucketName")),
            distribution=cloudfront.Distribution.from_distribution_attributes(
                self,
                "Distribution",
                distribution_id=web.output_for_others("DistributionId"),
                domain_name=web.output_for_others("DistributionDomainName"),
            ),
            operations=parameters.operations,
        )

    def _agentcore(self, parameters: Parameters) -> list[str]:
        """Where WebSockets lead; WebRTC's offers go through the API."""
        if "websocket" not in parameters.transports:
            return []
        own = parameters.connect.agentcore_endpoint_url
        return [websocket_source(own or f"https://bedrock-agentcore.{self.region}.amazonaws.com")]


def read_index(release: Path) -> str:
    """The built page's index.html; raises FileNotFoundError with what to do where there is none."""
    index = release / "index.html"
    if not index.is_file():
        raise FileNotFoundError(f"{index} is missing: run `make web`, or set web.enabled to false")
    return index.read_text(encoding="utf-8")


def with_policy(index: str, policy: str) -> str:
    """The page with its policy before everything that it could apply to; raises ValueError without one `<head>`."""
    if index.count(HEAD) != 1:
        raise ValueError(f"web/release/index.html has {index.count(HEAD)} {HEAD}, not one: run `make web`")
    # No source of a policy has a character that means something in HTML: stacks/configuration/values.py sees to it.
    return index.replace(HEAD, f'{HEAD}\n    <meta http-equiv="Content-Security-Policy" content="{policy}" />')
