"""The carriers, a module each; every one exports its instance of `telephony.carrier.Carrier` as CARRIER."""

import importlib

from telephony.carrier import RoomCarrier, StreamCarrier


def load(name: str) -> StreamCarrier | RoomCarrier:
    """The carrier of this name; a function loads no carrier that nobody calls with."""
    carrier: StreamCarrier | RoomCarrier = importlib.import_module(f"telephony.carriers.{name}").CARRIER
    return carrier
