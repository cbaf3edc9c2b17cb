"""A tool: hands the caller over to a human."""

from pipecat.services.llm_service import FunctionCallParams

from call_resources import CallResources

SENTENCE = "I am transferring you to a human. Goodbye."


async def transfer_to_human(params: FunctionCallParams, reason: str) -> None:
    """Hand the caller over to a human, which ends this call. Use it when the caller asks for one, or needs one.

    Args:
        reason: Why, in a few words, for the human who takes over.
    """
    call: CallResources = params.app_resources
    if call.phone and not call.phone.can_transfer:
        await params.result_callback({"nobody": "nobody can take over", "advice": "tell the caller so, and go on"})
        return
    # Whoever placed the call connects the human: a web page hears of it now, a carrier when it asks after the stream.
    await params.pipeline_worker.rtvi.send_server_message({"type": "transfer-to-human", "reason": reason})
    if call.phone:
        call.phone.transfer(reason=reason)
    await call.answer_and_end(params, sentence=SENTENCE, reason="transferred to a human")
