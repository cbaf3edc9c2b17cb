"""The role's credentials: one session of botocore for all that calls AWS, so that one refresh serves them all."""

from functools import cache

from aiobotocore.session import AioSession, get_session  # type: ignore[import-untyped]


@cache
def aws_session() -> AioSession:
    """The session of this process, made when a call first asks for it.

    Its credentials come from botocore's standard chain (on AgentCore: the container's or the metadata service's) and
    are fetched again before they end: they are asked for when 10 minutes or less are left, and then every caller waits.
    Don't ask before the first session: on platform V2 credentials would be part of a snapshot that all sessions share.
    """
    return get_session()
