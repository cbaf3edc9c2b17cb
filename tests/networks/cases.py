"""The table of cases: what the agent and the caller are given, what stands between them, and what has to come of it."""

from dataclasses import dataclass
from enum import StrEnum

from switchboard.ice import IcePolicy
from tests.networks.firewall import Firewall
from tests.networks.topology import SILENT_ADDRESS, TURN_ADDRESSES
from tests.networks.turn_server import CREDENTIAL_SECONDS, HOST_NAME, SECRET, credentials

IceServers = list[dict[str, str | list[str]]]


def _urls(host: str) -> tuple[str, str, str]:
    """A server as KVS GetIceServerConfig names it."""
    return f"turn:{host}:3478?transport=udp", f"turns:{host}:443?transport=udp", f"turns:{host}:443?transport=tcp"


_TURN, _SECOND_TURN = TURN_ADDRESSES
STUN = f"stun:{_TURN}:3478"
UDP, _, TLS = _urls(_TURN)
TCP = f"turn:{_TURN}:3478?transport=tcp"
# As the contract of KVS has it: two servers, and DTLS in the middle.
KVS = (_urls(_TURN), _urls(_SECOND_TURN))


class Programs(StrEnum):
    """What runs at both ends."""

    PRODUCT = "product"  # agent_image/server.py, and the caller of switchboard/
    PLAIN = "plain aiortc"  # where the point is what the networks do, and the product refuses before they can


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one side has: the URLs of each of its ICE servers, credentials, and the firewall that it stands behind."""

    ice: tuple[tuple[str, ...], ...] = KVS
    valid_for: float = CREDENTIAL_SECONDS
    secret: str = SECRET
    firewall: Firewall = Firewall.OPEN

    def servers(self) -> IceServers:
        """As `RTCConfiguration.iceServers`, with credentials made now."""
        keys = credentials(valid_for=self.valid_for, secret=self.secret)
        return [{"urls": list(urls), **({} if urls[0].startswith("stun:") else keys)} for urls in self.ice]


@dataclass(frozen=True, kw_only=True)
class Connects:
    """A call: by which pair (the caller's candidate first), and how each side reaches TURN, measured at its router.

    `within`: seconds from the offer's sending to the first media, where the issue gives a limit. Speech gets its echo
    after at most so many `tries`. `turn_by_chance` where a lost packet may make a side take the next way to TURN.
    """

    pair: str = "relay-relay"
    caller_turn: str | None = "udp"
    agent_turn: str | None = "udp"
    within: float | None = None
    tries: int = 1
    turn_by_chance: bool = False


@dataclass(frozen=True, kw_only=True)
class Fails:
    """No call: the error's code when the agent refuses it (None: both sides tried, and there was no way)."""

    error: str | None = None
    within: float | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row."""

    name: str
    expected: Connects | Fails
    caller: Side = Side()
    agent: Side = Side()
    policy: IcePolicy = IcePolicy.RELAY
    programs: Programs = Programs.PRODUCT
    public_caller: bool = False
    ipv6_agent: bool = False

    def __str__(self) -> str:
        return self.name


_NO_ICE, _STUN_ONLY = Side(ice=()), Side(ice=((STUN,),))
_NO_UDP, _ONLY_443 = Side(firewall=Firewall.NO_UDP), Side(firewall=Firewall.ONLY_TCP_443)
_BY_NAME = Side(ice=(_urls(HOST_NAME),))
_REFUSED = Fails(error="no_relay", within=4.0)

CASES = (
    # What the NATs do to calls without TURN: only a caller whom no NAT filters can be reached.
    Case(name="host only", caller=_NO_ICE, agent=_NO_ICE, policy=IcePolicy.HOST, expected=Fails()),
    Case(name="STUN at both", caller=_STUN_ONLY, agent=_STUN_ONLY, programs=Programs.PLAIN, expected=Fails()),
    Case(name="STUN at both, refused", caller=_STUN_ONLY, agent=_STUN_ONLY, policy=IcePolicy.STUN, expected=_REFUSED),
    Case(
        name="STUN at both, public caller",
        caller=_STUN_ONLY,
        agent=_STUN_ONLY,
        programs=Programs.PLAIN,
        public_caller=True,
        expected=Connects(pair="host-prflx", caller_turn=None, agent_turn=None),
    ),
    Case(
        name="host only, public caller",
        caller=_NO_ICE,
        agent=_NO_ICE,
        policy=IcePolicy.HOST,
        public_caller=True,
        expected=Connects(pair="host-prflx", caller_turn=None, agent_turn=None),
    ),
    # TURN, in each of the ways to reach it.
    Case(name="TURN/UDP", caller=Side(ice=((UDP,),)), agent=Side(ice=((UDP,),)), expected=Connects(within=0.3)),
    Case(name="TURN/TCP at the agent", agent=Side(ice=((TCP,),)), expected=Connects(agent_turn="tcp")),
    Case(name="TURN/TLS at the agent", agent=Side(ice=((TLS,),)), expected=Connects(agent_turn="tls")),
    Case(name="TURN/TCP at the caller", caller=Side(ice=((TCP,),)), expected=Connects(caller_turn="tcp")),
    Case(name="TURN/TLS at the caller", caller=Side(ice=((TLS,),)), expected=Connects(caller_turn="tls")),
    Case(
        name="TURN at the agent, STUN at the caller",
        caller=_STUN_ONLY,
        policy=IcePolicy.STUN,
        expected=Connects(pair="host-relay", caller_turn=None),
    ),
    Case(name="KVS-shaped list", expected=Connects(within=0.3)),
    Case(
        name="KVS-shaped list, first server down",
        caller=Side(ice=(_urls(SILENT_ADDRESS), _urls(_TURN))),
        agent=Side(ice=(_urls(SILENT_ADDRESS), _urls(_TURN))),
        expected=Connects(),
    ),
    # Firewalls, with the KVS-shaped list.
    Case(name="UDP blocked at the agent", agent=_NO_UDP, expected=Connects(agent_turn="tls", within=0.9)),
    Case(name="UDP blocked at the caller", caller=_NO_UDP, expected=Connects(caller_turn="tls")),
    Case(
        name="UDP blocked at both",
        caller=_NO_UDP,
        agent=_NO_UDP,
        expected=Connects(caller_turn="tls", agent_turn="tls"),
    ),
    Case(name="only TCP 443 at the agent", agent=_ONLY_443, expected=Connects(agent_turn="tls", within=0.9)),
    Case(name="only TCP 443 at the caller", caller=_ONLY_443, expected=Connects(caller_turn="tls")),
    Case(
        name="5 % loss at both",
        caller=Side(firewall=Firewall.LOSS),
        agent=Side(firewall=Firewall.LOSS),
        # One packet in ten is lost on its way, and aiortc repairs no audio.
        expected=Connects(tries=4, turn_by_chance=True),
    ),
    # No relay for the agent: an error in time, never an answer that can't work.
    Case(name="all blocked at the agent", agent=Side(firewall=Firewall.NOTHING), expected=_REFUSED),
    Case(name="TURN down", agent=Side(ice=(_urls(SILENT_ADDRESS),)), expected=_REFUSED),
    Case(name="credentials expired", agent=Side(valid_for=-60), expected=_REFUSED),
    Case(name="credentials wrong", agent=Side(secret=f"not {SECRET}"), expected=_REFUSED),
    Case(name="all blocked at the caller", caller=Side(firewall=Firewall.NOTHING), expected=Fails(within=4.0)),
    # An agent without IPv4, and TURN servers without IPv6.
    Case(name="IPv6-only agent, TURN by name", agent=_BY_NAME, ipv6_agent=True, expected=Connects()),
    Case(name="IPv6-only agent, TURN by IPv4 literal", ipv6_agent=True, expected=Connects()),
    Case(
        name="IPv6-only agent, UDP blocked",
        agent=Side(ice=(_urls(HOST_NAME),), firewall=Firewall.NO_UDP),
        ipv6_agent=True,
        expected=Connects(agent_turn="tls"),
    ),
)
