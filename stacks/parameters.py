"""The one typed door for configuration: cdk.json's environments and -c overrides in, frozen parameters out."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stacks import regions
from stacks.channel_pool import REQUESTS_PER_SECOND_PER_CHANNEL, SESSIONS_PER_CHANNEL, channels_needed
from stacks.configuration import values
from stacks.configuration.context import load
from stacks.configuration.errors import ParameterError
from stacks.configuration.rules import broken_rules

__all__ = [
    "AgentParameters",
    "ConnectParameters",
    "DailyParameters",
    "MemoryParameters",
    "NetworkParameters",
    "OperationsParameters",
    "ParameterError",
    "Parameters",
    "TelephonyParameters",
    "TurnParameters",
    "WebParameters",
    "load_parameters",
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkParameters(_Section):
    """Where the agent runs: a VPC made for it, an existing one, or AgentCore's public network."""

    mode: Literal["vpc", "existing", "public"] = Field(
        "vpc",
        description="vpc creates a VPC with NAT; existing uses yours; public has no VPC, no NAT bill and no UDP, "
        "for WebSocket trials.",
    )
    cidr: values.PrivateNetwork = Field("10.60.0.0/16", description="Addresses of the created VPC.")
    availability_zone_count: int = Field(
        2, ge=2, le=3, description="Zones to spread over, from the zone ids that AgentCore accepts in the region."
    )
    nat_gateways: Literal["one", "one_per_zone"] = Field(
        "one",
        description="one is cheaper (a NAT gateway is about $33 a month and $0.045 a GB); "
        "one_per_zone survives the failure of a zone.",
    )
    public_subnet_prefix_length: int = Field(
        26, ge=16, le=28, description="Size of each public subnet, for a NAT gateway and coturn servers."
    )
    private_subnet_prefix_length: int = Field(
        22, ge=16, le=28, description="Size of each private subnet, where the agent's network interfaces live."
    )
    interface_endpoints: values.Distinct[values.InterfaceEndpoint] = Field(
        (), description="AWS services to reach without the NAT gateway; billed by the hour for each zone."
    )
    flow_logs: bool = Field(True, description="Record the created VPC's accepted and rejected traffic.")
    vpc_id: values.VpcId | None = Field(None, description="The VPC to use; mode existing only.")
    private_subnet_ids: values.Distinct[values.SubnetId] = Field(
        (),
        max_length=16,
        description="At least two of its subnets, in zones that AgentCore accepts, with a default route to a NAT "
        "gateway; mode existing only.",
    )
    public_subnet_ids: values.Distinct[values.SubnetId] = Field(
        (),
        max_length=16,
        description="At least two of its subnets in different zones, with a default route to an internet gateway, for "
        "the load balancer of telephony.carriers twilio; mode existing only.",
    )
    endpoint_security_group_ids: values.Distinct[values.SecurityGroupId] = Field(
        (),
        max_length=5,
        description="Security groups of the VPC's own interface endpoints, through which alone the agent reaches AWS; "
        "mode existing with daily.connectivity privatelink only.",
    )


class AgentParameters(_Section):
    """The container that speaks: with which services, out of which image, and how long AgentCore lets it live."""

    pipeline: Literal["offline", "cascaded", "speech_to_speech"] = Field(
        "offline",
        description="offline needs no model; cascaded is speech to text, a Converse model, text to speech; "
        "speech_to_speech is Nova Sonic. It decides permissions, egress and image.",
    )
    model_id: values.ModelId | None = Field(
        None,
        description="Left out: Nova Lite for cascaded, called by its id or through an inference profile as the region "
        "has it; for speech_to_speech the newest Nova Sonic that the region offers.",
    )
    speech_to_text: Literal["transcribe", "deepgram"] = Field(
        "transcribe", description="Who hears the caller: Amazon Transcribe or Deepgram; pipeline cascaded only."
    )
    text_to_speech: Literal["polly", "cartesia"] = Field(
        "polly", description="Who speaks for the bot: Amazon Polly or Cartesia; pipeline cascaded only."
    )
    speech_secret_arn: values.SecretArn | None = Field(
        None,
        description="Secret in JSON, under Secrets Manager's own key: deepgramApiKey for deepgram, cartesiaApiKey for "
        "cartesia; both where both are chosen.",
    )
    model_session_seconds: int = Field(
        480,
        ge=60,
        le=480,
        description="How long the model keeps a stream open; the agent goes on in a new one well before. Pipeline "
        "speech_to_speech only.",
    )
    reconnect_grace_seconds: int = Field(
        30,
        ge=5,
        le=300,
        description="How long a call whose connection was lost waits for its caller, who goes on where it stopped.",
    )
    image_source: Literal["asset", "ecr", "codebuild"] = Field(
        "asset",
        description="asset builds the arm64 image with Docker where you deploy; codebuild builds it in the account; "
        "ecr takes one that is there.",
    )
    image_repository_name: values.RepositoryName | None = Field(
        None, description="Where the image is, in this account and region; image_source ecr only."
    )
    image_digest: values.ImageDigest | None = Field(
        None, description="Which image it is, by digest because a tag can move; image_source ecr only."
    )
    platform_version: Literal["V1", "V2"] = Field(
        "V2", description="AgentCore's platform; V2 restores each session from a snapshot of the started container."
    )
    idle_timeout_seconds: int = Field(
        120, ge=60, le=28_800, description="A session without a call ends after this; its memory is billed until then."
    )
    max_lifetime_seconds: int = Field(
        28_800,
        ge=60,
        le=28_800,
        description="A session ends after this, even in a call. AgentCore ends a WebSocket after 3600, and its caller "
        "goes on with another.",
    )


class TurnParameters(_Section):
    """Who relays WebRTC media, in a deployment whose transports have webrtc."""

    source: values.TurnSource = Field(
        "kvs",
        description="kvs takes credentials from Kinesis Video Streams; static names servers of yours, Cloudflare's or "
        "Twilio's; coturn is deployed here; none is for callers who can reach the agent's private address.",
    )
    peak_new_sessions_per_second: int = Field(
        REQUESTS_PER_SECOND_PER_CHANNEL,
        ge=1,
        le=1_000,
        description="Calls that start in the busiest second; a KVS channel serves "
        f"{REQUESTS_PER_SECOND_PER_CHANNEL}. Source kvs only.",
    )
    peak_concurrent_relayed_sessions: int = Field(
        SESSIONS_PER_CHANNEL,
        ge=1,
        le=5_000,
        description=f"Calls at the busiest moment; a KVS channel relays {SESSIONS_PER_CHANNEL}. Source kvs only.",
    )
    kvs_requests_per_second: int = Field(
        100,
        ge=1,
        le=1_000,
        description="The account's quota of GetIceServerConfig; set it when AWS has raised yours. Source kvs only.",
    )
    reuse_seconds: int = Field(
        20,
        ge=0,
        le=100,
        description="How long an answer of KVS serves further callers; 0 asks for each call. Source kvs only.",
    )
    credentials: Literal["fixed", "cloudflare", "twilio"] = Field(
        "fixed",
        description="fixed is one username and credential for all; cloudflare and twilio mint one for each call. "
        "Source static only.",
    )
    ice_server_urls: values.Distinct[values.IceServerUrl] = Field(
        (), description="The servers, of which one must be TURN; source static with credentials fixed only."
    )
    secret_arn: values.SecretArn | None = Field(
        None,
        description="Secret in JSON, under Secrets Manager's own key: username and credential (fixed); keyId and "
        "apiToken (cloudflare); accountSid, apiKeySid and apiKeySecret (twilio). Source static only.",
    )
    domain_name: values.DomainName | None = Field(
        None, description="Name of the coturn servers, as their certificate has it; source coturn only."
    )
    hosted_zone_id: values.HostedZoneId | None = Field(
        None,
        description="Route 53 zone that gets the name's record; left out, you make it. Source coturn only.",
    )
    certificate_secret_arn: values.SecretArn | None = Field(
        None, description="Secret with the name's certificate chain and private key in PEM; source coturn only."
    )
    server_count: int = Field(
        2, ge=1, le=20, description="coturn servers, each with an address of its own. Source coturn only."
    )
    instance_type: values.ArmInstanceType = Field(
        "t4g.small", description="EC2 type of a coturn server, arm64. Source coturn only."
    )

    @property
    def channel_count(self) -> int:
        """Signaling channels that source kvs makes."""
        return channels_needed(
            new_sessions_per_second=self.peak_new_sessions_per_second,
            concurrent_relayed_sessions=self.peak_concurrent_relayed_sessions,
        )


class ConnectParameters(_Section):
    """The API that a caller asks for a session."""

    authorizer: Literal["cognito", "oidc", "none"] = Field(
        "cognito", description="Who signs the caller's token: a user pool made here, your own issuer, or nobody."
    )
    oidc_issuer_url: values.Issuer | None = Field(
        None, description="The token's iss claim, to the letter; authorizer oidc only."
    )
    oidc_audiences: values.Distinct[values.Audience] = Field(
        (), description="Accepted aud or client_id claims, at least one; authorizer oidc only."
    )
    allowed_origins: values.Distinct[values.Origin] = Field(
        (), description="Web pages that may call the API from a browser (CORS); other clients need none."
    )
    throttle_rate_per_second: int = Field(
        10,
        ge=1,
        le=10_000,
        description="Steady rate of the API, of which a WebRTC call makes about five; AgentCore starts 25 sessions a "
        "second an account.",
    )
    throttle_burst_requests: int = Field(20, ge=1, le=5_000, description="Requests accepted at once above that rate.")
    presigned_url_lifetime_seconds: int = Field(
        60, ge=1, le=300, description="How long a caller may take to connect; AgentCore's limit is 300."
    )
    max_body_bytes: int = Field(
        4_096, ge=1_024, le=65_536, description="Largest body of POST /start; a longer one is refused."
    )
    agentcore_endpoint_url: values.EndpointUrl | None = Field(
        None,
        description="Where callers reach AgentCore, for the page's policy. Left out: "
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE or AWS_ENDPOINT_URL where cdk runs, else the region's own endpoint.",
    )


class WebParameters(_Section):
    """The page to talk from, served by CloudFront."""

    enabled: bool = Field(True, description="Whether the page is deployed.")
    domain_name: values.DomainName | None = Field(
        None, description="The page's own host name. Left out: a name of CloudFront's."
    )
    certificate_arn: values.CertificateArn | None = Field(
        None,
        description="Certificate of web.domain_name in ACM, in us-east-1 whatever the deployment's region.",
    )
    hosted_zone_id: values.HostedZoneId | None = Field(
        None, description="Route 53 zone that gets the name's records; left out, you make them."
    )
    web_acl_arn: values.WebAclArn | None = Field(
        None,
        description="Firewall (WAFv2) before the page, in us-east-1 whatever the deployment's region; billed by AWS.",
    )
    sign_in_domain_prefix: values.DomainPrefix | None = Field(
        None,
        description="First label of the host that users sign in at, and that programs get tokens from to place calls; "
        "unique in the region. Left out: PROJECT-ENVIRONMENT-ACCOUNT. connect.authorizer cognito only.",
    )
    oidc_client_id: values.Audience | None = Field(
        None,
        description="The page's client at your issuer: public, authorization code with PKCE, the page's URL with a "
        "slash behind it as redirect URI. connect.authorizer oidc only.",
    )
    oidc_scopes: values.Distinct[values.OAuthScope] = Field(
        ("openid",),
        min_length=1,
        description="Scopes that the page asks your issuer for. connect.authorizer oidc only.",
    )
    oidc_audience: values.Audience | None = Field(
        None,
        description="Which of connect.oidc_audiences the page names to an issuer that wants to know whom a token is "
        "for. connect.authorizer oidc only.",
    )
    oidc_origins: values.Distinct[values.SecureOrigin] = Field(
        (),
        description="Further hosts of your issuer that the page may reach, where its endpoints are not at "
        "connect.oidc_issuer_url's. connect.authorizer oidc only.",
    )


class MemoryParameters(_Section):
    """What the agent remembers of a caller from one call to the next."""

    enabled: bool = Field(
        False,
        description="Whether calls are remembered in AgentCore Memory, of callers who sign in and whose client says "
        "that they agree.",
    )
    retention_days: int = Field(30, ge=7, le=365, description="When what was said is deleted; memory.enabled only.")


class DailyParameters(_Section):
    """Rooms at Daily, in a deployment whose transports have daily: how they are made and how their media flow."""

    connectivity: Literal["public", "privatelink", "customer_vpc"] = Field(
        "public",
        description="How the agent reaches Daily's media servers: public over the internet; privatelink through an "
        "interface endpoint, with no other way out; customer_vpc in networks of yours, where Daily runs them for you.",
    )
    privatelink_service_name: values.EndpointServiceName | None = Field(
        None, description="Endpoint service that Daily shares with your account; connectivity privatelink only."
    )
    media_hosts: values.Distinct[values.HostPattern] = Field(
        (), description="Hosts of the media servers, which the page may connect to; connectivity customer_vpc only."
    )
    media_cidrs: values.Distinct[values.Network] = Field(
        (),
        max_length=10,
        description="Networks of the media servers and of their TURN server; connectivity customer_vpc only.",
    )
    media_ports: values.Distinct[values.Ports] = Field(
        (),
        max_length=5,
        description="Ports of the media servers and of TURN, which the agent needs. Left out: all of Daily's for "
        "customer_vpc, TURN's for privatelink. Not with connectivity public.",
    )
    api_url: values.BaseUrl | None = Field(
        None, description="Daily's REST API elsewhere, with its version. Left out: https://api.daily.co/v1."
    )
    geo: values.Geo | None = Field(
        None, description="Where a room's media servers are. Left out: near whom Daily sees come first."
    )
    max_participants: int = Field(4, ge=2, le=200, description="People in a room at once, with the bot.")
    recording: Literal["off", "cloud", "cloud-audio-only", "raw-tracks"] = Field(
        "off", description="Whether Daily records every room, and how; billed by Daily."
    )
    session_seconds: int = Field(3_600, ge=60, le=28_800, description="When Daily ends a room, whoever is still in it.")


class TelephonyParameters(_Section):
    """Phone calls: which carriers bring them in, which numbers go out, and what is said before the bot."""

    carriers: values.Distinct[values.Carrier] = Field(
        (),
        description="Carriers whose calls the bot takes. twilio brings a relay with it: a load balancer and containers "
        "that are billed by the hour.",
    )
    twilio_number: values.PhoneNumber | None = Field(
        None, description="Number at Twilio that calls go out from; left out, none do. Carrier twilio only."
    )
    vonage_number: values.PhoneNumber | None = Field(
        None, description="Number at Vonage that calls go out from; left out, none do. Carrier vonage only."
    )
    telnyx_number: values.PhoneNumber | None = Field(
        None, description="Number at Telnyx that calls go out from; left out, none do. Carrier telnyx only."
    )
    plivo_number: values.PhoneNumber | None = Field(
        None, description="Number at Plivo that calls go out from; left out, none do. Carrier plivo only."
    )
    daily_number: values.DailyNumberId | None = Field(
        None,
        description="Number at Daily that calls go out from, by its id; left out, none do. Carrier daily only.",
    )
    twilio_api_url: values.EndpointUrl | None = Field(
        None, description="Twilio's API in a region of its own. Left out: https://api.twilio.com."
    )
    vonage_api_url: values.EndpointUrl | None = Field(
        None, description="Vonage's API in a region of its own. Left out: https://api.nexmo.com."
    )
    telnyx_api_url: values.EndpointUrl | None = Field(
        None, description="Telnyx's API elsewhere. Left out: https://api.telnyx.com."
    )
    plivo_api_url: values.EndpointUrl | None = Field(
        None, description="Plivo's API elsewhere. Left out: https://api.plivo.com."
    )
    transfer_to: values.CallTarget | None = Field(
        None,
        description="Whom a caller is put through to who asks for a human, or whose bot failed. Left out: nobody.",
    )
    announcement: values.SpokenText | None = Field(
        None, description="What the carrier says first in every call. Left out: nothing."
    )
    recording: Literal["off", "announced", "consent"] = Field(
        "off",
        description="Whether the carrier records calls: announced says so first, consent asks for the digit 1 first.",
    )
    recording_sentence: values.SpokenText | None = Field(
        None, description="What is said, or asked, about the recording; recording announced and consent only."
    )
    language: values.Language = Field("en-US", description="Language of what the carrier says.")
    machine_detection: bool = Field(
        False, description="Whether the carrier tells an answering machine from a human; billed by some."
    )
    allowed_countries: values.Distinct[values.Country] = Field(
        (), description="Countries whose numbers may be called, at least one where calls go out."
    )
    calls_per_minute: int = Field(
        10, ge=1, le=1_000, description="Calls that go out in a minute, of all who place them."
    )
    calls_per_minute_per_caller: int = Field(
        3, ge=1, le=1_000, description="Calls that go out in a minute, of one who places them."
    )
    quiet_hours: values.QuietHours = Field(
        "21:00-08:00", description="When nobody is called, by the clocks of all time zones where the number may be."
    )
    max_call_seconds: int = Field(
        3_600,
        ge=60,
        le=3_600,
        description="When the carrier ends a call, and how long a task of the relay has for its calls when a release "
        "replaces it; AgentCore ends a stream after 3600.",
    )
    calls_scope: values.OAuthScope | None = Field(
        None,
        description="Scope that a token of your issuer needs to place calls; connect.authorizer oidc only. With "
        "cognito it is switchboard/calls.",
    )
    relay_domain_name: values.DomainName | None = Field(
        None, description="Name that Twilio connects its streams to; carrier twilio only."
    )
    relay_certificate_arn: values.RegionalCertificateArn | None = Field(
        None, description="Certificate of that name in ACM, in the deployment's region; carrier twilio only."
    )
    relay_hosted_zone_id: values.HostedZoneId | None = Field(
        None, description="Route 53 zone that gets the name's record; left out, you make it. Carrier twilio only."
    )
    relay_image_repository_name: values.RepositoryName | None = Field(
        None, description="Where the relay's image is; carrier twilio with agent.image_source ecr only."
    )
    relay_image_digest: values.ImageDigest | None = Field(
        None, description="Which image it is, by digest; carrier twilio with agent.image_source ecr only."
    )
    relay_min_tasks: int | None = Field(
        None,
        ge=1,
        le=50,
        description="Containers of the relay that always run, spread over zones. Left out: 2 in prod, else 1. Carrier "
        "twilio only.",
    )
    relay_max_tasks: int = Field(
        10, ge=1, le=50, description="Containers of the relay at the busiest moment; carrier twilio only."
    )
    relay_streams_per_task: int = Field(
        200,
        ge=10,
        le=250,
        description="Calls in a container, on average, above which another is started; it takes 300. Carrier twilio "
        "only.",
    )

    @property
    def numbers(self) -> dict[values.Carrier, str]:
        """The number that calls of a carrier go out from, of those that have one."""
        found = {carrier: getattr(self, f"{carrier}_number") for carrier in self.carriers}
        return {carrier: number for carrier, number in found.items() if number}


class OperationsParameters(_Section):
    """What is kept, for how long, and what is protected."""

    log_retention_days: values.LogRetentionDays = Field(30, description="How long CloudWatch keeps the logs.")
    log_encryption: Literal["service_key", "customer_key"] = Field(
        "service_key",
        description="service_key is CloudWatch's own encryption; customer_key makes a KMS key for all log groups ($1 a "
        "month, and as much again for each of its first two yearly rotations).",
    )
    alarm_topic_arn: values.TopicArn | None = Field(
        None,
        description="Topic that is told when Daily refuses the deployment's key. Left out: the alarm tells nobody. "
        "Transport daily only.",
    )
    tracing: bool = Field(
        True,
        description="Whether the agent sends spans to CloudWatch, which needs Transaction Search in the account and "
        "region.",
    )
    log_transcripts: bool = Field(
        False,
        description="Whether the agent's log and spans hold what is said in calls, which takes the callers' consent. "
        "Spans are not under log_encryption's key where the account keeps them in aws/spans.",
    )
    removal: Literal["retain", "destroy"] = Field(
        "retain",
        description="What becomes of users, secrets, logs with their key, and memory when their stack is destroyed.",
    )
    termination_protection: bool = Field(False, description="Whether CloudFormation refuses to delete the stacks.")


class Parameters(_Section):
    """One deployment. Values that contradict each other are refused with ParameterError."""

    environment: values.EnvironmentName = Field(
        "dev", description="The environment's name in cdk.json, chosen with -c env=NAME."
    )
    project: values.ProjectName = Field(
        "switchboard", description="First part of every name; another project is another copy in the same account."
    )
    region: values.RegionName = Field("us-east-1", description="Where to deploy.")
    account_id: values.AccountId | None = Field(
        None, description="The only account to deploy to. Left out: the account of the credentials."
    )
    owner: values.TagValue = Field("unassigned", description="Tag owner on everything.")
    cost_center: values.TagValue = Field("unassigned", description="Tag cost-center on everything.")
    transports: values.Distinct[values.Transport] = Field(
        ("websocket",), min_length=1, description="Ways in that the connect API offers."
    )
    network: NetworkParameters = NetworkParameters()
    agent: AgentParameters = AgentParameters()
    turn: TurnParameters = TurnParameters()
    connect: ConnectParameters = ConnectParameters()
    web: WebParameters = WebParameters()
    daily: DailyParameters = DailyParameters()
    telephony: TelephonyParameters = TelephonyParameters()
    memory: MemoryParameters = MemoryParameters()
    operations: OperationsParameters = OperationsParameters()

    @property
    def agent_runtime_name(self) -> str:
        """The physical name AgentCore requires, `[a-zA-Z][a-zA-Z0-9_]{0,47}`: at most 31 + 1 + 16 characters."""
        return f"{self.project}_{self.environment}".replace("-", "_")

    @property
    def model_id(self) -> str | None:
        """The Bedrock model asked for, else the one that the region offers; None for the offline pipeline."""
        match self.agent.pipeline:
            case "cascaded":
                return self.agent.model_id or regions.nova_lite(self.region)
            case "speech_to_speech":
                return self.agent.model_id or next(iter(regions.speech_to_speech_models(self.region)), None)
        return None

    @property
    def turn_source(self) -> values.TurnSource | None:
        """Who relays the media of this deployment's calls; None where no call is WebRTC."""
        return self.turn.source if "webrtc" in self.transports else None

    @property
    def has_rooms(self) -> bool:
        """Whether calls take place in rooms at Daily."""
        return "daily" in self.transports

    @property
    def room_prefix(self) -> str:
        """What the names of the deployment's rooms begin with, so that no other's are touched."""
        return f"{self.project}-{self.environment}"

    @property
    def rooms_function_name(self) -> str:
        """The physical name of the function that ends rooms: the agent, made before it, calls it by that."""
        return f"{self.project}-{self.environment}-rooms"

    @property
    def is_closed(self) -> bool:
        """Whether the agent reaches nothing but interface endpoints."""
        return self.has_rooms and self.daily.connectivity == "privatelink"

    @property
    def relay_min_tasks(self) -> int:
        """Containers of the relay that always run: one a zone in prod."""
        return self.telephony.relay_min_tasks or (2 if self.environment == "prod" else 1)

    @property
    def has_sign_in_domain(self) -> bool:
        """Whether the user pool has a host: the page signs users in there, and programs get tokens to place calls."""
        return self.connect.authorizer == "cognito" and (self.web.enabled or bool(self.telephony.numbers))

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        if mistakes := broken_rules(self):
            raise ParameterError(*mistakes)
        return self


def load_parameters(context: Mapping[str, object]) -> Parameters:
    """Read the CDK app's context, `app.node.get_all_context()`.

    Takes `environments[env]` (dev unless `env` is given), replaces single values named with dots, such as
    `agent.idle_timeout_seconds`, and raises ParameterError with every mistake found.
    """
    return load(Parameters, context)
