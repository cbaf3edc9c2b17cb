"""The ICE servers of a call, from whichever source of TURN the deployment has."""

from connect.settings import Settings
from connect.turn.cloudflare import cloudflare_ice_servers
from connect.turn.coturn import coturn_ice_servers
from connect.turn.fixed import fixed_ice_servers
from connect.turn.ice import IceAnswer, IceServer
from connect.turn.kvs import kvs_ice_servers
from connect.turn.twilio import twilio_ice_servers
from connect.turn_settings import CloudflareTurn, CoturnTurn, FixedTurn, KvsTurn, NoTurn, TwilioTurn
from shared.credentials import Credentials
from shared.errors import wrong_setup

__all__ = ["IceAnswer", "IceServer", "ice_servers"]


def ice_servers(*, settings: Settings, credentials: Credentials) -> IceAnswer:
    """The servers that the caller and the agent relay through, UDP first; none where the network is flat.

    Raises `ApiError`: 503 `turn_unavailable` where no source answered, 500 where the deployment is at fault.
    """
    match settings.turn:
        case KvsTurn() as turn:
            return kvs_ice_servers(turn=turn, credentials=credentials)
        case FixedTurn() as turn:
            return fixed_ice_servers(turn=turn, credentials=credentials)
        case CloudflareTurn() as turn:
            return cloudflare_ice_servers(turn=turn, credentials=credentials)
        case TwilioTurn() as turn:
            return twilio_ice_servers(turn=turn, credentials=credentials)
        case CoturnTurn() as turn:
            return coturn_ice_servers(turn=turn, credentials=credentials)
        case NoTurn():
            return IceAnswer(servers=(), expires_at=None)
        case None:
            raise wrong_setup(note="ICE servers are needed, and SWITCHBOARD_TRANSPORTS has no webrtc")
