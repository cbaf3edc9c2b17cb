"""What coturn and the kernel beneath it are told, rendered without CDK so that tests start the real server with it."""

from ipaddress import ip_network
from typing import Final

LISTENING_PORT: Final = 3478
TLS_PORT: Final = 443
# RFC 8656 §13.1 asks for relayed addresses in the dynamic range.
RELAY_PORTS: Final = (49152, 65535)

# Allocations at once that one username may have: a browser makes one for each of the three URLs on each of its network
# interfaces, the agent up to three while it probes, and an ICE restart makes them all anew before the old ones end.
ALLOCATIONS_PER_USER: Final = 24
# Both ways of one allocation, 5 Mbit/s: what Kinesis Video Streams allows, and 50 times a voice call.
BYTES_PER_SECOND_PER_ALLOCATION: Final = 625_000

# What is not on the public internet, by the registries of special-purpose addresses:
# https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry.
# EC2's own services (instance metadata, DNS, time) are at 169.254/16 and fd00:ec2::/32.
DENIED_IPV4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
# The servers have no IPv6, so coturn refuses these by their family already; they are named in case that changes.
# Those at the end carry an IPv4 address inside: mapped, translated, Teredo, 6to4.
DENIED_IPV6: Final = (
    "::1/128",
    "100::/64",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/32",
    "2002::/16",
)

_CONFIGURATION: Final = """\
# Rendered by the deployment; the boot script adds the server's addresses and the shared secret.
realm={realm}
listening-port={listening_port}
tls-listening-port={tls_port}
min-port={relay_ports[0]}
max-port={relay_ports[1]}
cert={directory}/certificate.pem
pkey={directory}/private-key.pem
no-tlsv1
no-tlsv1_1

# Time-limited credentials, username EXPIRY:ID: https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
use-auth-secret
stale-nonce=600
fingerprint
user-quota={allocations_per_user}
max-bps={bytes_per_second}

# UDP media by UDP, TCP and TLS clients, and nothing else that coturn can do.
no-dtls
no-tcp-relay
no-rfc5780
response-origin-only-with-rfc5780
no-stun-backward-compatibility
no-software-attribute
no-cli
no-auth-pings
no-dynamic-ip-list
no-dynamic-realms

# Without `verbose` the log tells of no allocation and of no quota that was reached.
verbose
log-file={log_file}
no-stdout-log
simple-log
new-log-timestamp

no-multicast-peers
{denied_peers}
"""

_FIREWALL: Final = """\
# A second wall behind denied-peer-ip, for what coturn lets through: it takes a peer at its public address for one at
# its private address, and allows both, so that two callers of one server reach each other.
table inet coturn
delete table inet coturn
table inet coturn {{
  chain output {{
    type filter hook output priority filter; policy accept;
    meta skuid "turnserver" jump coturn
  }}
  chain coturn {{
    udp sport {listening_port} accept
    tcp sport {{ {listening_port}, {tls_port} }} accept
    ip daddr $private_address udp sport {relay_ports} udp dport {relay_ports} accept
    ip daddr {{ {ipv4} }} drop
    ip6 daddr {{ {ipv6} }} drop
  }}
}}
"""


def turnserver_conf(*, realm: str, directory: str, log_file: str) -> str:
    """turnserver.conf without its addresses and secret; `directory` holds the certificate and its key, in PEM."""
    return _CONFIGURATION.format(
        realm=realm,
        listening_port=LISTENING_PORT,
        tls_port=TLS_PORT,
        relay_ports=RELAY_PORTS,
        directory=directory,
        allocations_per_user=ALLOCATIONS_PER_USER,
        bytes_per_second=BYTES_PER_SECOND_PER_ALLOCATION,
        log_file=log_file,
        denied_peers="\n".join(f"denied-peer-ip={_range(cidr)}" for cidr in (*DENIED_IPV4, *DENIED_IPV6)),
    )


def firewall() -> str:
    """nftables rules for what the user turnserver sends; they need `private_address` defined."""
    first, last = RELAY_PORTS
    return _FIREWALL.format(
        listening_port=LISTENING_PORT,
        tls_port=TLS_PORT,
        relay_ports=f"{first}-{last}",
        ipv4=", ".join(DENIED_IPV4),
        ipv6=", ".join(DENIED_IPV6),
    )


def _range(cidr: str) -> str:
    """First and last address. coturn compares IPv6 addresses byte by byte: only whole prefixes come out right.

    And it takes `::` as a first address for "any", IPv4 too, so no network here begins with it.
    """
    network = ip_network(cidr)
    return f"{network[0]}-{network[-1]}"
