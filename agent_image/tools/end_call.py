"""A tool: ends the call when the caller wants that."""

from pipecat.services.llm_service import FunctionCallParams

from call_resources import CallResources


async def end_call(params: FunctionCallParams) -> None:
    """Say goodbye and end the call. Use it when the caller says goodbye or asks to hang up."""
    call: CallResources = params.app_resources
    await call.answer_and_end(params, sentence=call.goodbye, reason="the caller said goodbye")
