"""The `page` command: the address of a deployment's page, and a user for as long as somebody looks at it."""

import signal
from collections.abc import Callable

from switchboard.aws_clients import aws_clients
from switchboard.deployment import find_deployment, page_url
from switchboard.sign_in import temporary_user


def show_page(
    *,
    project: str,
    environment: str,
    region: str,
    tell: Callable[[str], None],
    wait: Callable[[], None],
) -> None:
    """Tell the page's address and, where the deployment has users of its own, a temporary user's name and password.

    The user is deleted once `wait` returns, whatever happened. Raises OperatorError (DEPLOYMENT, SIGN_IN).
    """
    cloudformation, cognito = aws_clients(region=region)
    deployment = find_deployment(cloudformation=cloudformation, project=project, environment=environment)
    tell(f"page      {page_url(cloudformation=cloudformation, project=project, environment=environment)}")
    pool_id, client_id = deployment.user_pool_id, deployment.user_pool_client_id
    if pool_id is None or client_id is None:
        return
    with temporary_user(cognito=cognito, pool_id=pool_id, client_id=client_id) as (username, password):
        tell(f"user      {username}")
        tell(f"password  {password}")
        tell("Ctrl-C ends this command and deletes the user.")
        wait()


def until_interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    signals = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        signal.sigwait(signals)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
