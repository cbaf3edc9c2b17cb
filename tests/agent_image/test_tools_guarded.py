"""A tool that fails is told to the model, to the caller, to the log and to the metrics."""

import asyncio
import json
import logging
from typing import Any

import pytest
from pipecat.adapters.llm.schemas.direct_function import DirectFunction, tool_options
from pipecat.services.llm_service import FunctionCallParams

import guarded_tools
from tests.agent_image.tool_call import ORDER, tool_call


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    recorded: list[tuple[str, Any]] = []
    monkeypatch.setattr(guarded_tools, "record", lambda name, value, **more: recorded.append((name, more["tool"])))
    return recorded


async def find_order(params: FunctionCallParams, order_number: str) -> None:
    """Find an order."""
    raise ConnectionError(f"no such host: {order_number}")


def never_answering(monkeypatch: pytest.MonkeyPatch) -> DirectFunction:
    monkeypatch.setattr(guarded_tools, "TOOL_SECONDS", 0.1)

    async def find_order(params: FunctionCallParams, order_number: str) -> None:
        """Find an order."""
        await asyncio.Event().wait()

    return find_order


def silent() -> DirectFunction:
    async def find_order(params: FunctionCallParams, order_number: str) -> None:
        """Find an order."""

    return find_order


def answering(result: Any) -> DirectFunction:
    async def find_order(params: FunctionCallParams, order_number: str) -> None:
        """Find an order."""
        await params.result_callback(result)

    return find_order


def with_other_arguments() -> DirectFunction:
    async def find_order(params: FunctionCallParams, customer: str) -> None:
        """Find an order."""

    return find_order


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("raises", "ConnectionError"),
        ("never answers", "TimeoutError"),
        ("returns without an answer", "NoAnswer"),
        ("has other arguments", "TypeError"),
        ("answers what is no JSON", "TypeError"),
    ],
)
async def test_a_failure_is_never_hidden(
    failure: str,
    kind: str,
    metrics: list[tuple[str, Any]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tools: dict[str, DirectFunction] = {
        "raises": find_order,
        "never answers": never_answering(monkeypatch) if failure == "never answers" else find_order,
        "returns without an answer": silent(),
        "has other arguments": with_other_arguments(),
        "answers what is no JSON": answering({1, 2}),
    }
    caplog.set_level(logging.ERROR, logger="switchboard.agent")
    async with tool_call(tools[failure]) as call:
        await call.say(ORDER)
        answer = await call.answer()

    assert answer == "Sorry, that did not work: find_order failed; tell the caller so."
    assert json.loads(call.tool_results()[0]) == {"error": "find_order failed; tell the caller so"}
    assert [entry.getMessage() for entry in caplog.records] == [f"the tool find_order failed: {kind}"]
    assert metrics == [("ToolFailures", "find_order")]


async def test_a_tools_own_time_limit_is_a_failure_too(metrics: list[tuple[str, Any]]) -> None:
    async def find_order(params: FunctionCallParams, order_number: str) -> None:
        """Find an order."""
        await asyncio.Event().wait()

    async with tool_call(tool_options(find_order, timeout_secs=0.1)) as call:
        await call.say(ORDER)
        answer = await call.answer()

    assert answer == "Sorry, that did not work: cancelled."
    assert metrics == [("ToolFailures", "find_order")]


async def test_an_answer_counts_also_when_the_tool_fails_after_it(metrics: list[tuple[str, Any]]) -> None:
    async def find_order(params: FunctionCallParams, order_number: str) -> None:
        """Find an order."""
        await params.result_callback({"order_number": order_number, "item": "a hat", "status": "lost"})
        raise ConnectionError

    async with tool_call(find_order) as call:
        await call.say(ORDER)
        answer = await call.answer()

    assert answer == "Order 2, a hat, is lost."
    assert metrics == [("ToolFailures", "find_order")]


async def test_a_tool_that_the_bot_lacks_is_answered() -> None:
    async with tool_call(find_order) as call:
        await call.say("What time is it in London?")
        answer = await call.answer()

    assert "not currently available" in answer


@pytest.mark.parametrize("nothing", [None, [], {}, "", 0])
async def test_an_empty_answer_is_an_answer(nothing: Any, metrics: list[tuple[str, Any]]) -> None:
    async with tool_call(answering(nothing)) as call:
        await call.say(ORDER)
        answer = await call.answer()

    assert answer == f"The answer is {json.dumps({'result': nothing})}."
    assert metrics == []
