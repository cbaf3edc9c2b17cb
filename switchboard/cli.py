"""The command line: options in, report and exit code out."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.text import Text

from switchboard.call import CallOptions, run_call
from switchboard.connect_api import Transport
from switchboard.conversation import Patience
from switchboard.deployment import configured_region
from switchboard.errors import ExitCode, OperatorError
from switchboard.page import show_page, until_interrupted
from switchboard.render import failure_text, print_report, report_document
from switchboard.report import CallReport
from switchboard.sign_in import Identity
from switchboard.speech import load_speech

DEFAULT_DIALOGUE = [
    "How are you today?",
    "Please repeat I like coffee and tea.",
    "Please count from one to four.",
    "Can you tell me what time it is?",
    "Thank you and bye bye.",
]
_EXIT_CODES = "Exit codes:\n\n" + "\n\n".join(f"{code.value:>4}  {code.meaning}" for code in ExitCode)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="The operator's commands for a Switchboard deployment.",
)


@app.callback()
def commands() -> None:
    """The operator's commands for a Switchboard deployment."""


@app.command(epilog=_EXIT_CODES)
def call(
    *,
    env: Annotated[str, typer.Option(help="Environment to call.")] = "dev",
    project: Annotated[str, typer.Option(help="Project name, the first part of the stack names.")] = "switchboard",
    region: Annotated[
        str | None, typer.Option(envvar="AWS_REGION", help="Default: the AWS profile's, else the environment's.")
    ] = None,
    transport: Annotated[
        Transport, typer.Option(help="How audio travels: over the pre-signed WebSocket, WebRTC, or a Daily room.")
    ] = Transport.WEBSOCKET,
    username: Annotated[str | None, typer.Option(help="User of the user pool. Default: a temporary one.")] = None,
    password: Annotated[
        str | None, typer.Option(envvar="SWITCHBOARD_PASSWORD", help="Of --username; better by the environment.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="SWITCHBOARD_TOKEN", help="Access token of any issuer that the API trusts.")
    ] = None,
    say: Annotated[
        list[str], typer.Option(help="A sentence to say; repeatable. Default: a dialogue with the shipped bot.")
    ] = DEFAULT_DIALOGUE,
    echo: Annotated[bool, typer.Option(help="Also measure the echo latency, in a second, short session.")] = True,
    wav: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where to save the call. Default: .switchboard/calls/TIME.wav")
    ] = None,
    timeout_seconds: Annotated[
        float, typer.Option(min=0.1, help="Longest wait for the API, the connection, the bot and each answer.")
    ] = 30.0,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the tables.")] = False,
) -> None:
    """Place a spoken call to the deployed agent, and report what was said, what was heard, and how long it took."""
    options = CallOptions(
        project=project,
        environment=env,
        region=region or boto3.Session().region_name or configured_region(environment=env),
        identity=_identity(username=username, password=password, token=token),
        transport=transport,
        sentences=_sentences(say),
        echo=echo,
        wav=wav or Path(f".switchboard/calls/{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.wav"),
        patience=Patience(answer=timeout_seconds),
    )
    report = _run(options)
    _show(report, as_json=json_)
    raise typer.Exit(report.exit_code)


@app.command(epilog=_EXIT_CODES)
def page(
    *,
    env: Annotated[str, typer.Option(help="Environment whose page is meant.")] = "dev",
    project: Annotated[str, typer.Option(help="Project name, the first part of the stack names.")] = "switchboard",
    region: Annotated[
        str | None, typer.Option(envvar="AWS_REGION", help="Default: the AWS profile's, else the environment's.")
    ] = None,
) -> None:
    """Tell where the deployment's page is, and make a user for it who is deleted when the command ends."""
    try:
        show_page(
            project=project,
            environment=env,
            region=region or boto3.Session().region_name or configured_region(environment=env),
            tell=typer.echo,
            wait=until_interrupted,
        )
    except OperatorError as error:
        Console(stderr=True, highlight=False).print(failure_text(error))
        raise typer.Exit(error.exit_code) from None


def _run(options: CallOptions) -> CallReport:
    report = CallReport(
        project=options.project,
        environment=options.environment,
        region=options.region,
        transport=options.transport,
    )
    messages = Console(stderr=True)
    try:
        run_call(options, report=report, speech=load_speech(), progress=lambda text: messages.print(Text(text, "dim")))
    except OperatorError as error:
        report.failures.append(error)
    except KeyboardInterrupt:
        report.failures.append(OperatorError(exit_code=ExitCode.INTERRUPTED, problem="the call was interrupted"))
    return report


def _show(report: CallReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report_document(report), indent=2))
    else:
        print_report(report, console=Console(highlight=False))


def _identity(*, username: str | None, password: str | None, token: str | None) -> Identity:
    if token is not None and username is not None:
        raise typer.BadParameter("--token and --username exclude each other: choose one way to sign in")
    if username is not None and password is None:
        raise typer.BadParameter("--username needs --password or SWITCHBOARD_PASSWORD")
    return Identity(token=token, username=username, password=password)


def _sentences(say: list[str]) -> list[str]:
    if not all(sentence.strip() for sentence in say):
        raise typer.BadParameter("--say needs words, got an empty text")
    return say
