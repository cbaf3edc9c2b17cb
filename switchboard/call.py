"""The `call` command from its options to its report: find the deployment, sign in, place the call."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from switchboard.aws_clients import aws_clients
from switchboard.caller import Caller
from switchboard.connect_api import ConnectApi, Transport
from switchboard.conversation import Patience
from switchboard.deployment import find_deployment
from switchboard.report import CallReport
from switchboard.sign_in import Identity, access_token
from switchboard.speech import Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """What the command line asks for."""

    project: str
    environment: str
    region: str
    identity: Identity
    transport: Transport
    sentences: Sequence[str]
    echo: bool
    wav: Path
    patience: Patience


def run_call(options: CallOptions, *, report: CallReport, speech: Speech, progress: Callable[[str], None]) -> None:
    """Place the call and fill the report.

    Raises OperatorError for what fails before the first session; later failures are in the report.
    """
    cloudformation, cognito = aws_clients(region=options.region)
    progress(f"reading the outputs of {options.project}-{options.environment} in {options.region}")
    deployment = find_deployment(
        cloudformation=cloudformation, project=options.project, environment=options.environment
    )
    report.runtime_version = deployment.runtime_version
    progress("signing in")
    with access_token(cognito=cognito, deployment=deployment, identity=options.identity) as token:
        api = ConnectApi(api_url=deployment.api_url, token=token, timeout_seconds=options.patience.answer)
        caller = Caller(
            api=api,
            transport=options.transport,
            patience=options.patience,
            report=report,
            speech=speech,
            progress=progress,
        )
        asyncio.run(_place(caller, options))


async def _place(caller: Caller, options: CallOptions) -> None:
    async with caller.api:
        await caller.hold_dialogue(options.sentences, wav=options.wav)
        if options.echo and not caller.report.failures:
            await caller.measure_echo()
