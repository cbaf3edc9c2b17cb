"""The kinds of value that parameters hold, each with the words for what it allows."""

from ipaddress import IPv4Network
from typing import Annotated, Final, Literal, TypeVar

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, Field
from pydantic.fields import FieldInfo

# https://www.rfc-editor.org/rfc/rfc1918
_PRIVATE_NETWORKS: Final = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_Item = TypeVar("_Item")


def _text(
    *, allowed: str, pattern: str | None = None, min_length: int | None = None, max_length: int | None = None
) -> FieldInfo:
    """A form of text; errors and docs/configuration.md say `allowed` in place of the pattern."""
    field: FieldInfo = Field(
        pattern=pattern, min_length=min_length, max_length=max_length, json_schema_extra={"allowed": allowed}
    )
    return field


def _private_network(cidr: str) -> str:
    network = IPv4Network(cidr)
    if not 16 <= network.prefixlen <= 24 or not any(network.subnet_of(private) for private in _PRIVATE_NETWORKS):
        raise ValueError(cidr)
    return cidr


def _with_possible_port(url: str) -> str:
    port = url.partition("?")[0].partition(":")[2].partition(":")[2]
    if port and not 1 <= int(port) <= 65_535:
        raise ValueError(url)
    return url


def _network(cidr: str) -> str:
    if not IPv4Network(cidr).prefixlen:
        raise ValueError(cidr)
    return cidr


def _with_possible_ports(ports: str) -> str:
    first, _, last = ports.partition(":")[2].partition("-")
    if not 1 <= int(first) <= int(last or first) <= 65_535:
        raise ValueError(ports)
    return ports


def _with_known_time_of_day(hours: str) -> str:
    if hours != "off" and len(set(hours.split("-"))) < 2:
        raise ValueError(hours)
    return hours


def _known_country(code: str) -> str:
    if code not in SUPPORTED_REGIONS:
        raise ValueError(code)
    return code


def _without_reserved_words(prefix: str) -> str:
    if any(word in prefix for word in RESERVED_IN_PREFIXES):
        raise ValueError(prefix)
    return prefix


def _distinct(items: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(items)) < len(items):
        raise ValueError(items)
    return items


Distinct = Annotated[tuple[_Item, ...], AfterValidator(_distinct)]

EnvironmentName = Annotated[
    str, _text(pattern=r"^[a-z][a-z0-9]{0,15}$", allowed="1 to 16 of a-z and 0-9, a letter first")
]
# Where strangers, and calls without a relay, are a trial and not an accident.
TRIAL_ENVIRONMENTS: Final = ("dev", "local")
ProjectName = Annotated[
    str,
    _text(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=31,
        allowed="1 to 31 of a-z, 0-9 and single hyphens, a letter first",
    ),
]
RegionName = Annotated[str, _text(allowed="a region that offers AgentCore Runtime")]
AccountId = Annotated[str, _text(pattern=r"^[0-9]{12}$", allowed="12 digits, as text")]
TagValue = Annotated[
    str,
    _text(
        pattern=r"^[\w.:/=+@-][\w .:/=+@-]*$", max_length=256, allowed="1 to 256 letters, digits, spaces and _.:/=+-@"
    ),
]
Transport = Literal["websocket", "webrtc", "daily"]
TurnSource = Literal["kvs", "static", "coturn", "none"]

PrivateNetwork = Annotated[
    str,
    AfterValidator(_private_network),
    _text(allowed="a network of /16 to /24 in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
]
VpcId = Annotated[str, _text(pattern=r"^vpc-[0-9a-f]{8,17}$", allowed="vpc- and 8 to 17 hex digits")]
SubnetId = Annotated[str, _text(pattern=r"^subnet-[0-9a-f]{8,17}$", allowed="subnet- and 8 to 17 hex digits")]
InterfaceEndpoint = Literal[
    "ecr.api",
    "ecr.dkr",
    "s3",
    "logs",
    "bedrock-runtime",
    "bedrock-agentcore",
    "lambda",
    "polly",
    "secretsmanager",
    "monitoring",
    "transcribestreaming",
    "xray",
]
SecurityGroupId = Annotated[str, _text(pattern=r"^sg-[0-9a-f]{8,17}$", allowed="sg- and 8 to 17 hex digits")]

ModelId = Annotated[
    str,
    _text(
        # No ARN: the role's permissions follow from the id, and of a profile's ARN nobody here knows the models.
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]{2,255}$",
        allowed="the id of a Bedrock model or, for cascaded, of a geography's inference profile",
    ),
]
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
RepositoryName = Annotated[
    str,
    _text(
        pattern=r"^[a-z0-9]+((\.|__?|-+|/)[a-z0-9]+)*$",
        min_length=2,
        max_length=256,
        allowed="an ECR repository's name, without registry and tag",
    ),
]
ImageDigest = Annotated[str, _text(pattern=r"^sha256:[0-9a-f]{64}$", allowed="sha256: and 64 hex digits")]

Issuer = Annotated[
    str,
    _text(pattern=r"^https://[a-z0-9.-]+(:[0-9]{1,5})?(/[^\s?#]*)?$", allowed="an https:// URL without query"),
]
Audience = Annotated[str, _text(pattern=r"^\S+$", allowed="text without spaces")]
Origin = Annotated[
    str,
    _text(
        pattern=r"^(https://[a-z0-9.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:[0-9]{1,5})?$|^\*$",
        allowed="https://HOST[:PORT], http://localhost[:PORT], or * in dev and local",
    ),
]
SecureOrigin = Annotated[str, _text(pattern=r"^https://[a-z0-9.-]+(:[0-9]{1,5})?$", allowed="https://HOST[:PORT]")]
EndpointUrl = Annotated[
    str, _text(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", allowed="http:// or https://, HOST[:PORT], no path")
]
BaseUrl = Annotated[
    str,
    _text(
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$",
        max_length=100,
        allowed="up to 100 characters, http:// or https://, HOST[:PORT], and a path without a slash at its end",
    ),
]
# https://www.rfc-editor.org/rfc/rfc6749#appendix-A.4
OAuthScope = Annotated[str, _text(pattern=r"^[!#-\[\]-~]+$", allowed="a scope: text without spaces and quotes")]
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
RESERVED_IN_PREFIXES: Final = ("aws", "amazon", "cognito")
DomainPrefix = Annotated[
    str,
    AfterValidator(_without_reserved_words),
    _text(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        allowed="1 to 63 of a-z, 0-9 and hyphens between them, without aws, amazon and cognito",
    ),
]

# https://www.rfc-editor.org/rfc/rfc7064, https://www.rfc-editor.org/rfc/rfc7065; IPv6 literals are left out.
IceServerUrl = Annotated[
    str,
    AfterValidator(_with_possible_port),
    _text(
        pattern=r"^(stun:[A-Za-z0-9.-]+(:[0-9]{1,5})?|turns?:[A-Za-z0-9.-]+(:[0-9]{1,5})?(\?transport=(udp|tcp))?)$",
        allowed="stun:HOST[:PORT], turn:HOST[:PORT] or turns:HOST[:PORT], these two also with ?transport=udp or tcp",
    ),
]
SecretArn = Annotated[
    str,
    _text(
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html: a name has at most 512.
        pattern=r"^arn:aws(-us-gov)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:"
        r"[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}$",
        allowed="a secret's full ARN, with the six characters that Secrets Manager puts behind its name",
    ),
]
DomainName = Annotated[
    str,
    _text(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        max_length=253,
        allowed="a host name with a domain, in lower case",
    ),
]
HostedZoneId = Annotated[str, _text(pattern=r"^Z[A-Z0-9]{1,31}$", allowed="Z and up to 31 of A-Z and 0-9")]
# CloudFront takes both from here only, wherever the rest is.
CertificateArn = Annotated[
    str,
    _text(
        pattern=r"^arn:aws:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]{36}$",
        allowed="the ARN of a certificate in ACM in us-east-1",
    ),
]
WebAclArn = Annotated[
    str,
    _text(
        pattern=r"^arn:aws:wafv2:us-east-1:[0-9]{12}:global/webacl/[A-Za-z0-9_-]{1,128}/[0-9a-f-]{36}$",
        allowed="the ARN of a web ACL of WAFv2 with scope CLOUDFRONT, which is in us-east-1",
    ),
]

# https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-share-your-services.html
EndpointServiceName = Annotated[
    str,
    _text(
        pattern=r"^com\.amazonaws\.vpce\.[a-z0-9-]+\.vpce-svc-[0-9a-f]{8,17}$",
        allowed="an endpoint service's name, com.amazonaws.vpce.REGION.vpce-svc- and 8 to 17 hex digits",
    ),
]
# A source of the page's policy: https://www.w3.org/TR/CSP3/#grammardef-host-part
HostPattern = Annotated[
    str,
    _text(
        pattern=r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        max_length=253,
        allowed="a host name with a domain, in lower case, or *. and such a name for all below it",
    ),
]
Network = Annotated[
    str, AfterValidator(_network), _text(allowed="an IPv4 network, as 203.0.113.0/24, but not all of them")
]
Ports = Annotated[
    str,
    AfterValidator(_with_possible_ports),
    _text(
        pattern=r"^(udp|tcp):[0-9]{1,5}(-[0-9]{1,5})?$", allowed="udp: or tcp: and a port or two, as udp:40000-49999"
    ),
]
# https://docs.daily.co/reference/rest-api/rooms/create-room
Geo = Annotated[
    str, _text(pattern=r"^[a-z]{2}-[a-z]+-[0-9]$", allowed="a region that Daily has media servers in, as eu-central-1")
]
DailyNumberId = Annotated[
    str,
    _text(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        allowed="the id, a UUID, that Daily's list of bought numbers has for it",
    ),
]

Carrier = Literal["twilio", "vonage", "telnyx", "plivo", "daily"]
# https://www.itu.int/rec/T-REC-E.164: at most 15 digits, of which the country's own come first.
PhoneNumber = Annotated[
    str, _text(pattern=r"^\+[1-9][0-9]{6,14}$", allowed="a number in E.164, as +12025550123: + and 7 to 15 digits")
]
# https://www.rfc-editor.org/rfc/rfc3261#section-19.1, without passwords, headers and IPv6.
CallTarget = Annotated[
    str,
    _text(
        pattern=r"^(\+[1-9][0-9]{6,14}|sips?:[A-Za-z0-9_.!~*'()+%-]{1,64}@[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?"
        r"(;[a-z0-9-]+(=[A-Za-z0-9.-]+)?)*)$",
        max_length=200,
        allowed="a number in E.164, as +12025550123, or an address, as sip:desk@pbx.example.com",
    ),
]
# Two of them, in any script, have to fit into a function's environment, which holds 4 KB in all.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
SpokenText = Annotated[
    str,
    _text(
        pattern=r"^[^\x00-\x1f\x7f<>]*[^\x00-\x20\x7f<>][^\x00-\x1f\x7f<>]*$",
        max_length=240,
        allowed="up to 240 characters in one line, without < and >",
    ),
]
# https://www.rfc-editor.org/rfc/rfc5646
Language = Annotated[str, _text(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", allowed="a BCP 47 tag, as en-US")]
# https://www.iso.org/iso-3166-country-codes.html, as far as phonenumbers knows the country's numbers.
Country = Annotated[
    str, AfterValidator(_known_country), _text(allowed="a country's two letters by ISO 3166, as US or GB")
]
QuietHours = Annotated[
    str,
    AfterValidator(_with_known_time_of_day),
    _text(
        pattern=r"^(off|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])$",
        allowed="HH:MM-HH:MM, as 21:00-08:00, or off",
    ),
]
# A load balancer takes a certificate of its own region only.
RegionalCertificateArn = Annotated[
    str,
    _text(
        pattern=r"^arn:aws(-us-gov)?:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]{36}$",
        allowed="the ARN of a certificate in ACM in the deployment's region",
    ),
]

TopicArn = Annotated[
    str,
    _text(
        pattern=r"^arn:aws(-us-gov)?:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
        allowed="the ARN of a standard topic in SNS",
    ),
]

ArmInstanceType = Annotated[
    str,
    _text(
        pattern=r"^(t4g|[cmr][6-9]gn?d?|[cmr][6-9]gd)\.(nano|micro|small|medium|(2|4|8|12|16)?x?large)$",
        allowed="an arm64 instance type, as t4g.small or c8gn.large",
    ),
]

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
