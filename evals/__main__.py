"""`python -m evals`: hold the scenarios as calls with a deployment, or with an agent that listens on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import boto3
import typer
from pipecat.evals.results import EvalScriptResult

from evals.bridge import OpenCall
from evals.calls import calls_to_agent, calls_to_deployment
from evals.runner import load_scenarios, run_scenarios
from switchboard.connect_api import ConnectApi
from switchboard.deployment import configured_region, find_deployment
from switchboard.errors import OperatorError
from switchboard.sign_in import Identity, access_token

_HERE = Path(__file__).parent
_BOT_WORDS = ("response", "llm_response", "tts_response")


def main(
    *,
    env: Annotated[str, typer.Option(help="Environment to call.")] = "dev",
    project: Annotated[str, typer.Option(help="Project name, the first part of the stack names.")] = "switchboard",
    region: Annotated[
        str | None, typer.Option(envvar="AWS_REGION", help="Default: the AWS profile's, else the environment's.")
    ] = None,
    url: Annotated[str, typer.Option(help="Call an agent at this ws:// URL instead of a deployment.")] = "",
    token: Annotated[
        str | None, typer.Option(envvar="SWITCHBOARD_TOKEN", help="Access token. Default: a temporary user's.")
    ] = None,
    scenarios: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="File or folder; repeatable. Default: evals/models, or evals/offline on local."),
    ] = None,
    only: Annotated[str, typer.Option(help="Run only scenarios with this in their name.")] = "",
    at_a_time: Annotated[int, typer.Option(min=1, help="Calls at once; mind the model's quota.")] = 2,
    timeout_seconds: Annotated[float, typer.Option(min=1.0, help="Longest wait for the bot and each answer.")] = 30.0,
) -> None:
    """Hold every scenario as a call, print what came of it, and exit with 1 if one failed."""
    offline = url or env == "local"
    try:
        chosen = load_scenarios(scenarios or [_HERE / ("offline" if offline else "models")], only=only)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None

    async def run(open_call: OpenCall) -> list[EvalScriptResult]:
        return await run_scenarios(chosen, open_call=open_call, at_a_time=at_a_time, patience_seconds=timeout_seconds)

    async def run_deployed(api: ConnectApi) -> list[EvalScriptResult]:
        async with api:
            return await run(calls_to_deployment(api))

    if url:
        results = asyncio.run(run(calls_to_agent(url)))
    else:
        region = region or boto3.Session().region_name or configured_region(environment=env)
        cloudformation = boto3.client("cloudformation", region_name=region)
        cognito = boto3.client("cognito-idp", region_name=region)
        deployment = find_deployment(cloudformation=cloudformation, project=project, environment=env)
        with access_token(cognito=cognito, deployment=deployment, identity=Identity(token=token)) as signed_in:
            api = ConnectApi(api_url=deployment.api_url, token=signed_in, timeout_seconds=timeout_seconds)
            results = asyncio.run(run_deployed(api))
    for result in results:
        _show(result)
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


def _show(result: EvalScriptResult) -> None:
    typer.echo(f"{'PASS' if result.passed else 'FAIL'}  {result.scenario_name}  {result.duration_ms / 1000:.1f} s")
    if not result.passed:
        for failure in result.failures:
            typer.echo(f"      {failure}")
        said = [event["text"] for event in result.events_seen if event["type"] in _BOT_WORDS and event["text"]]
        typer.echo(f"      the bot said: {' | '.join(said) or 'nothing'}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except OperatorError as error:
        typer.echo(error, err=True)
        raise SystemExit(error.exit_code) from None
