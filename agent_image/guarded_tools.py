"""Stands between the model and the tools: whatever a tool does, the model gets an answer, and the operator a word."""

import asyncio
import json
import logging
from dataclasses import replace
from functools import wraps
from typing import Any

from pipecat.adapters.llm.schemas.direct_function import DirectFunction
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from telemetry.metrics import record

# Longer than a caller waits; a tool that has to take longer answers at once, and works on in the background.
TOOL_SECONDS = 20.0

_logger = logging.getLogger("switchboard.agent")


def guarded(tool: DirectFunction) -> DirectFunction:
    """The same tool, which answers {"error": …} where it raises, gives no answer, or takes more than `TOOL_SECONDS`."""

    @wraps(tool)
    async def guard(params: FunctionCallParams, **arguments: Any) -> None:
        answered = False

        async def answer(result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
            nonlocal answered
            json.dumps(result)  # a result that is no JSON would only be noticed where nobody can answer any more
            answered = True
            # Pipecat gives the model no turn after an empty result, as of a search that found nothing.
            await params.result_callback(result or {"result": result}, properties=properties)

        error = "NoAnswer"
        try:
            async with asyncio.timeout(TOOL_SECONDS):
                await tool(replace(params, result_callback=answer), **arguments)
        except Exception as exception:  # noqa: BLE001 - a tool may raise anything, and the caller waits for an answer
            error = type(exception).__name__
        else:
            if answered:
                return
        note_failure(params.function_name, error=error)
        if not answered:
            await params.result_callback({"error": f"{params.function_name} failed; tell the caller so"})

    return guard


def note_failure(tool: str, *, error: str) -> None:
    """Tell the operator, by the kind of the exception: its text may hold what the caller said."""
    _logger.error("the tool %s failed: %s", tool, error)
    record("ToolFailures", 1, unit="Count", tool=tool)
