"""What the connect API tells the agent of a connection, in headers that the signature of the URL covers.

AgentCore makes them of query parameters of the same names:
https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-get-started-websocket.html
"""

import re
from collections.abc import Mapping

from calls import RefusalError

_PREFIX = "X-Amzn-Bedrock-AgentCore-Runtime-Custom"
BODY_HEADER, CALLER_HEADER, RESUME_HEADER = f"{_PREFIX}-Body", f"{_PREFIX}-Caller", f"{_PREFIX}-Resume"
PHONE_HEADER = f"{_PREFIX}-Phone"
CALLER_PATTERN = "[A-Za-z0-9_-]{1,128}"


class HeaderError(RefusalError):
    """A header can't be used."""


def read_caller(headers: Mapping[str, str]) -> str:
    """The pseudonym of the signed-in caller; empty where the deployment gives none. Raises `HeaderError`."""
    caller = headers.get(CALLER_HEADER, "")
    if caller and not re.fullmatch(CALLER_PATTERN, caller):
        raise HeaderError("caller: allowed are 1 to 128 letters, digits, _ and -; use the URL as it was signed")
    return caller


def asks_to_resume(headers: Mapping[str, str]) -> bool:
    """Whether the connection is to go on with a call that lost its own. Raises `HeaderError`."""
    resume = headers.get(RESUME_HEADER, "")
    if resume not in ("", "1"):
        raise HeaderError("resume: allowed is 1; use the URL as it was signed")
    return bool(resume)
