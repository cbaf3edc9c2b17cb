"""What a process that was restored from a snapshot must renew before it serves a session.

AgentCore's platform V2 starts every session from one snapshot of the process, taken at its first healthy /ping, so all
sessions would share its random numbers: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-v2-optimize.html
The operating system's generator, and so `secrets` and `uuid`, is not affected.
"""

import os
import random
import ssl

_SEED_BYTES = 32


def renew_randomness() -> None:
    """Seed Python's generator and those of both OpenSSLs, its own and aiortc's, anew from the operating system's."""
    from OpenSSL import rand  # what makes DTLS keys brings an OpenSSL of its own, which takes long to import

    random.seed(os.urandom(_SEED_BYTES))
    ssl.RAND_add(os.urandom(_SEED_BYTES), _SEED_BYTES)
    rand.add(os.urandom(_SEED_BYTES), _SEED_BYTES)
