"""The scenarios of evals/offline, held with the real agent: they pass, and a wrong answer fails them."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from pipecat.evals.results import EvalScriptResult

from evals.calls import calls_to_agent, calls_to_deployment
from evals.runner import load_scenarios, run_scenarios
from switchboard.connect_api import ConnectApi, StartedWebSocket, Transport
from tests.agent_image.agent_process import AgentProcess, run_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVALS = Path(__file__).parents[1] / "evals"

MISTAKEN = """
name: mistaken
scenarios:
  - name: wrong_answer
    turns:
      - expect: [{event: bot_stopped_speaking}]
      - user: "Can you find order number five for me?"
        expect: [{event: response, text_contains: "garden bench", within_ms: 8000}]
  - name: no_call_of_a_tool
    turns:
      - expect: [{event: bot_stopped_speaking}]
      - user: "I like tea."
        expect: [{event: function_call, within_ms: 8000}]
  - name: what_no_caller_may_see
    turns:
      - expect: [{event: bot_stopped_speaking}]
      - user: "Can you find order number five for me?"
        expect: [{event: function_call, name: find_order}]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AgentProcess]:
    log = tmp_path_factory.mktemp("agent") / "log"
    async with run_agent(log=log, SWITCHBOARD_PIPELINE="offline") as process:
        await process.answers()
        await process.ready()
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results(agent: AgentProcess, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, EvalScriptResult]:
    """What came of the bot's scenarios, and of some that must fail: all in one go, as each waits for real speech."""
    mistaken = tmp_path_factory.mktemp("evals") / "mistaken.yaml"
    mistaken.write_text(MISTAKEN)
    scenarios = load_scenarios([EVALS / "offline", mistaken])
    held = await run_scenarios(scenarios, open_call=calls_to_agent(agent.url), at_a_time=4, patience_seconds=30)
    return {result.scenario_name: result for result in held}


async def test_the_offline_bot_passes_every_scenario(
    agent: AgentProcess, results: Mapping[str, EvalScriptResult]
) -> None:
    failures = {name: [*map(str, each.failures)] for name, each in results.items() if not each.passed}
    assert {name for name in results if name not in failures} >= {"conversation/greeting", "tools/order"}
    assert {name: told for name, told in failures.items() if not name.startswith("mistaken/")} == {}
    assert (await agent.idle())["status"] == "Healthy", "the harness hung up"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("wrong_answer", "text_mismatch"),
        ("no_call_of_a_tool", "missing_function_call"),
        ("what_no_caller_may_see", "bot_ended"),
    ],
)
async def test_a_wrong_scenario_fails(results: Mapping[str, EvalScriptResult], name: str, kind: str) -> None:
    result = results[f"mistaken/{name}"]
    assert not result.passed
    assert [failure.kind for failure in result.failures] == [kind]


async def test_each_session_of_a_deployment_is_given_back(agent: AgentProcess) -> None:
    api = StandInApi(agent.url)
    scenarios = load_scenarios([EVALS / "offline"], only="conversation/goodbye")
    (result,) = await run_scenarios(
        scenarios, open_call=calls_to_deployment(cast(ConnectApi, api)), at_a_time=1, patience_seconds=30
    )
    assert result.passed, [*map(str, result.failures)]
    assert api.sessions == ["started", "stopped"]


async def test_a_call_that_does_not_come_about_fails_with_the_reason() -> None:
    scenarios = load_scenarios([EVALS / "offline"], only="conversation/goodbye")
    open_call = calls_to_agent("ws://127.0.0.1:9/ws")
    (result,) = await run_scenarios(scenarios, open_call=open_call, at_a_time=1, patience_seconds=30)
    assert [failure.kind for failure in result.failures] == ["closed_before_ready"]
    assert "1011 no call" in str(result.failures[0])


async def test_the_scenarios_for_models_can_be_read() -> None:
    assert load_scenarios([EVALS / "models"])


async def test_no_scenario_to_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="none has 'nobody' in its name; there are conversation/greeting, "):
        load_scenarios([EVALS / "offline"], only="nobody")


class StandInApi:
    def __init__(self, url: str) -> None:
        self.sessions: list[str] = []
        self._url = url

    async def start(self, *, transport: Transport) -> StartedWebSocket:
        assert transport is Transport.WEBSOCKET
        self.sessions.append("started")
        return StartedWebSocket(session_id="1" * 96, seconds=0.1, url=self._url, next_url=self._next_url)

    async def _next_url(self) -> str:
        raise AssertionError("a call of an evaluation isn't resumed")

    async def stop(self, session_id: str) -> None:
        assert session_id == "1" * 96
        self.sessions.append("stopped")
