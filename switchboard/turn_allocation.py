"""TURN allocations as aioice makes them, and from another port where RFC 8656 asks a client to try one."""

from typing import Any

from aioice import turn
from aioice.stun import TransactionFailed

# A socket got the port of one that is gone, whose allocation the server keeps a second longer (coturn 4.6: 0.9 s).
_ALLOCATION_MISMATCH = 437
_PORTS = 3

_create_turn_endpoint = turn.create_turn_endpoint


async def create_turn_endpoint(*arguments: Any, **more: Any) -> Any:
    """What aioice's function of this name takes and returns, and raises after the third refused port.

    https://www.rfc-editor.org/rfc/rfc8656#section-7.4
    """
    for ports_left in reversed(range(_PORTS)):
        try:
            return await _create_turn_endpoint(*arguments, **more)
        except TransactionFailed as refusal:
            code, _ = refusal.response.attributes["ERROR-CODE"]
            if code != _ALLOCATION_MISMATCH or not ports_left:
                raise
    raise AssertionError


def install() -> None:
    """Let every peer connection of this process allocate like this."""
    turn.create_turn_endpoint = create_turn_endpoint
