"""Builds deployments as app.py does, and reads what they became."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk

from stacks.application import build_application
from stacks.parameters import Parameters, load_parameters

type Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
# An app made outside the CDK CLI does not read cdk.json by itself, and its feature flags change the templates.
CONTEXT: Final[Json] = json.loads((ROOT / "cdk.json").read_text())["context"]
ENVIRONMENTS: Final = tuple(CONTEXT["environments"])
PARTS: Final = ("network", "signaling", "agent", "web", "connect", "page")

TURN_SECRET: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:voice/turn-AbC123"
SPEECH_SECRET: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:voice/speech-AbC123"
CERTIFICATE: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:voice/certificate-AbC123"
PAGE_CERTIFICATE: Final = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
RELAY_CERTIFICATE: Final = "arn:aws:acm:us-east-1:123456789012:certificate/fedcba98-7654-3210-fedc-ba9876543210"
ALARM_TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:voice-alarms"
DAILY_SERVICE: Final = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
WEB_ACL: Final = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/page/01234567-89ab-cdef-0123-456789abcdef"
# The sources of TURN besides the environments' own, which is kvs.
TURN_SOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "fixed": {
        "turn.source": "static",
        "turn.ice_server_urls": "stun:stun.example.com,turn:turn.example.com,turns:turn.example.com:443",
        "turn.secret_arn": TURN_SECRET,
    },
    "cloudflare": {"turn.source": "static", "turn.credentials": "cloudflare", "turn.secret_arn": TURN_SECRET},
    "twilio": {"turn.source": "static", "turn.credentials": "twilio", "turn.secret_arn": TURN_SECRET},
    "coturn": {
        "turn.source": "coturn",
        "turn.domain_name": "turn.example.com",
        "turn.hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "turn.certificate_secret_arn": CERTIFICATE,
    },
    "none": {"turn.source": "none"},
}

TWILIO: Final = {
    "telephony.carriers": "twilio",
    "telephony.relay_domain_name": "relay.example.com",
    "telephony.relay_certificate_arn": RELAY_CERTIFICATE,
}
# Each carrier alone, and what a choice of carriers has to do with other choices.
TELEPHONY: Final[Mapping[str, Mapping[str, str]]] = {
    "Twilio": TWILIO,
    "Vonage": {"telephony.carriers": "vonage"},
    "Telnyx": {"telephony.carriers": "telnyx"},
    "Plivo": {"telephony.carriers": "plivo"},
    "Daily": {"telephony.carriers": "daily", "transports": "websocket,daily"},
    "all carriers": {
        **TWILIO,
        "telephony.carriers": "vonage,twilio,telnyx,plivo",
        "telephony.twilio_number": "+12025550101",
        "telephony.vonage_number": "+442079460102",
        "telephony.allowed_countries": "US,GB",
        "telephony.machine_detection": "true",
        "telephony.transfer_to": "sip:desk@pbx.example.com",
        "telephony.announcement": "Hello.",
        "telephony.recording": "consent",
        "telephony.recording_sentence": "Press 1 if we may record.",
        "telephony.relay_hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "network.interface_endpoints": "ecr.api,ecr.dkr,logs,bedrock-agentcore,secretsmanager",
    },
    "calls by own issuer": {
        "telephony.carriers": "telnyx",
        "telephony.telnyx_number": "+12025550103",
        "telephony.allowed_countries": "US",
        "telephony.calls_scope": "calls:write",
        "connect.authorizer": "oidc",
        "connect.oidc_issuer_url": "https://login.example.com/voice",
        "connect.oidc_audiences": "page,phone",
        "web.oidc_client_id": "page",
    },
    "calls without a page": {
        "telephony.carriers": "plivo",
        "telephony.plivo_number": "+12025550104",
        "telephony.allowed_countries": "US",
        "web.enabled": "false",
    },
    "relay in an existing VPC": {
        **TWILIO,
        "network.mode": "existing",
        "network.vpc_id": "vpc-0123456789abcdef0",
        "network.private_subnet_ids": "subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb",
        "network.public_subnet_ids": "subnet-0cccccccccccccccc,subnet-0dddddddddddddddd",
    },
    "relay from CodeBuild": {
        **TWILIO,
        "agent.image_source": "codebuild",
        "operations.log_encryption": "customer_key",
    },
    "relay in ECR": {
        **TWILIO,
        "agent.image_source": "ecr",
        "agent.image_repository_name": "voice/agent",
        "agent.image_digest": f"sha256:{'0a' * 32}",
        "telephony.relay_image_repository_name": "voice/relay",
        "telephony.relay_image_digest": f"sha256:{'0b' * 32}",
    },
}

PRIVATELINK: Final = {
    "transports": "websocket,daily",
    "daily.connectivity": "privatelink",
    "daily.privatelink_service_name": DAILY_SERVICE,
}
# How the agent reaches Daily's media servers, besides over the internet.
DAILY: Final[Mapping[str, Mapping[str, str]]] = {
    "PrivateLink": {
        **PRIVATELINK,
        "agent.pipeline": "cascaded",
        "network.interface_endpoints": "ecr.api,ecr.dkr,s3,logs,monitoring,xray,lambda,bedrock-runtime,"
        "transcribestreaming,polly",
    },
    "PrivateLink in an existing VPC": {
        **PRIVATELINK,
        "network.mode": "existing",
        "network.vpc_id": "vpc-0123456789abcdef0",
        "network.private_subnet_ids": "subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb",
        "network.endpoint_security_group_ids": "sg-0123456789abcdef0",
    },
    "customer's VPC": {
        "transports": "daily",
        "daily.connectivity": "customer_vpc",
        "daily.media_hosts": "*.media.example.com,sfu.example.com",
        "daily.media_cidrs": "10.90.0.0/16,192.0.2.0/24",
    },
}

VARIANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "all transports": {
        "transports": "websocket,webrtc,daily",
        "daily.geo": "eu-central-1",
        "daily.recording": "cloud-audio-only",
        "daily.api_url": "https://daily.example.com/v1",
        "operations.alarm_topic_arn": ALARM_TOPIC,
    },
    **DAILY,
    "WebSocket alone": {"transports": "websocket"},
    **TURN_SOURCES,
    "largest pool": {"turn.peak_new_sessions_per_second": "750", "turn.kvs_requests_per_second": "750"},
    "cascaded": {"agent.pipeline": "cascaded"},
    "inference profile": {"agent.pipeline": "cascaded", "agent.model_id": "us.amazon.nova-lite-v1:0"},
    "keyed speech": {
        "agent.pipeline": "cascaded",
        "agent.speech_to_text": "deepgram",
        "agent.text_to_speech": "cartesia",
        "agent.speech_secret_arn": SPEECH_SECRET,
    },
    "speech to speech": {"agent.pipeline": "speech_to_speech"},
    "memory": {"memory.enabled": "true", "operations.tracing": "false"},
    "image in ECR": {
        "agent.image_source": "ecr",
        "agent.image_repository_name": "voice/agent",
        "agent.image_digest": f"sha256:{'0a' * 32}",
    },
    "image from CodeBuild": {"agent.image_source": "codebuild", "operations.log_encryption": "customer_key"},
    "platform V1": {"agent.platform_version": "V1"},
    "interface endpoints": {
        "network.interface_endpoints": "ecr.api,ecr.dkr,logs,bedrock-runtime,bedrock-agentcore,polly,secretsmanager,"
        "monitoring,xray"
    },
    "no flow logs": {"network.flow_logs": "false"},
    "existing VPC": {
        "network.mode": "existing",
        "network.vpc_id": "vpc-0123456789abcdef0",
        "network.private_subnet_ids": "subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb",
    },
    "public": {"network.mode": "public", "transports": "websocket"},
    "own issuer": {
        "connect.authorizer": "oidc",
        "connect.oidc_issuer_url": "https://login.example.com/voice",
        "connect.oidc_audiences": "page,phone",
        "web.oidc_client_id": "page",
    },
    "no authorizer": {"connect.authorizer": "none"},
    "own name": {
        "web.domain_name": "talk.example.com",
        "web.certificate_arn": PAGE_CERTIFICATE,
        "web.hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "web.web_acl_arn": WEB_ACL,
    },
    "no page": {"web.enabled": "false"},
    **TELEPHONY,
    "Milan": {"region": "eu-south-1", "agent.platform_version": "V1", "transports": "websocket"},
    "one account": {"account_id": "123456789012"},
}
DEPLOYMENTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    **{environment: (environment, {}) for environment in ENVIRONMENTS},
    **{name: ("dev", overrides) for name, overrides in VARIANTS.items()},
}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A synthesised app, and its templates by part: agent and connect, and the others where they are chosen."""

    app: cdk.App
    parameters: Parameters
    directory: Path
    templates: Mapping[str, Json]

    def asset_manifest(self, part: str) -> Json:
        return read_json(self.directory / f"{self._stack_name(part)}.assets.json")

    def manifest(self) -> Json:
        return read_json(self.directory / "manifest.json")

    def stack_properties(self, part: str) -> Json:
        properties: Json = self.manifest()["artifacts"][self._stack_name(part)]["properties"]
        return properties

    def _stack_name(self, part: str) -> str:
        return f"{self.parameters.project}-{self.parameters.environment}-{part}"


# An environment, and overrides by dotted name.
type Synthesize = Callable[..., Deployment]


def app_of(environment: str, overrides: Mapping[str, str], *, directory: Path) -> tuple[cdk.App, Parameters]:
    """An app with one deployment in it. Nothing is installed: layers stay empty."""
    context = {**CONTEXT, "env": environment, **overrides, "aws:cdk:bundling-stacks": []}
    app = cdk.App(context=context, outdir=str(directory))
    parameters = load_parameters(app.node.get_all_context())
    build_application(app, parameters)
    return app, parameters


def deploy(environment: str, overrides: Mapping[str, str], *, directory: Path) -> Deployment:
    app, parameters = app_of(environment, overrides, directory=directory)
    templates = {
        stack.stack_name.rpartition("-")[2]: read_json(Path(stack.template_full_path)) for stack in app.synth().stacks
    }
    return Deployment(app=app, parameters=parameters, directory=directory, templates=templates)


def read_json(path: Path) -> Json:
    content: Json = json.loads(path.read_text())
    return content


def resources(template: Json, resource_type: str) -> dict[str, Json]:
    """Resources of a type by logical id."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == resource_type}


def only(template: Json, resource_type: str) -> Json:
    """The properties of the only resource of a type."""
    (resource,) = resources(template, resource_type).values()
    properties: Json = resource["Properties"]
    return properties


def statements(template: Json) -> Iterator[Json]:
    """Every statement of every policy that grants something to a role."""
    for role in resources(template, "AWS::IAM::Role").values():
        for policy in role["Properties"].get("Policies", []):
            yield from policy["PolicyDocument"]["Statement"]
    attached = resources(template, "AWS::IAM::Policy") | resources(template, "AWS::IAM::ManagedPolicy")
    for policy in attached.values():
        yield from policy["Properties"]["PolicyDocument"]["Statement"]


def listed(value: object) -> list[Any]:
    """What IAM takes as one value or a list, as a list."""
    return value if isinstance(value, list) else [value]


def readable(value: Any) -> Any:
    """A value with its references as text: <Ref>, <LogicalId.Attribute>, <stack!Output>, without CDK's hashes."""
    match value:
        case {"Ref": name}:
            return f"<{_unhashed(name)}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{_unhashed(name)}.{attribute}>"
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "<").replace("}", ">")
        case {"Fn::Join": [delimiter, parts]}:
            return delimiter.join(str(readable(part)) for part in parts)
        case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": name}}:
            return f"<{stack}!{_unhashed(name)}>"
        case dict():
            return {key: readable(inner) for key, inner in value.items()}
        case list():
            return [readable(inner) for inner in value]
    return value


def _unhashed(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}", "", logical_id)
