"""The carriers, a module each; every one exports its instance of `telephony.carrier.Carrier` as CARRIER."""

import importlib

from telephony.carrier import Carrier


def load(name: str) -> Carrier:
    """The carrier of this name; a function loads no carrier that nobody calls with."""
    carrier: Carrier = importlib.import_module(f"telephony.carriers.{name}").CARRIER
    return carrier
