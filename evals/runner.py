"""Runs scenarios, some at a time, each in a call of its own."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipecat.evals.results import EvalScriptResult
from pipecat.evals.scenario import EvalScenarioFile, is_scenario_file
from pipecat.evals.script import EvalScriptScenario
from pipecat.evals.script_session import EvalScriptSession
from pipecat.evals.session import EvalSessionParams

from evals.bridge import OpenCall, bridge

_CACHE = Path(".switchboard/evals")


def load_scenarios(paths: Iterable[Path], *, only: str = "") -> list[EvalScriptScenario]:
    """The scenarios of these files and folders whose name contains `only`.

    Raises `ValueError` for a file that isn't one of scenarios, for a simulation, and where none is left.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    scenarios = [each for file in files if is_scenario_file(file) for each in EvalScenarioFile.load(file)]
    if simulations := [each.name for each in scenarios if not isinstance(each, EvalScriptScenario)]:
        raise ValueError(f"{', '.join(simulations)}: a simulation can't be run here; write its turns (`turns:`)")
    if chosen := [each for each in scenarios if isinstance(each, EvalScriptScenario) and only in each.name]:
        return chosen
    names = ", ".join(scenario.name for scenario in scenarios) or "none in these files"
    raise ValueError(f"no scenario to run: none has {only!r} in its name; there are {names}")


async def run_scenarios(
    scenarios: Sequence[EvalScriptScenario], *, open_call: OpenCall, at_a_time: int, patience_seconds: float
) -> list[EvalScriptResult]:
    """Their results, in the same order. An expectation without `within_ms` waits for `patience_seconds`."""
    params = EvalSessionParams(
        bot_ready_timeout_s=patience_seconds,
        default_timeout_ms=int(patience_seconds * 1000),
        cache_dir=str(_CACHE),
    )
    places = asyncio.Semaphore(at_a_time)
    async with bridge(open_call) as url:

        async def run(scenario: EvalScriptScenario) -> EvalScriptResult:
            async with places:
                return await EvalScriptSession.from_scenario(scenario, url, params=params).run()

        return list(await asyncio.gather(*map(run, scenarios)))
