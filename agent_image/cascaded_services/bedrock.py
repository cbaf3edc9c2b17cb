"""Bedrock's Converse: Pipecat's service with one client a call, Bedrock's rules for messages, and answers in time."""

import asyncio
from typing import Any

from pipecat.adapters.llm.services.bedrock_adapter import AWSBedrockLLMInvocationParams
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.aws.llm import AWSBedrockLLMService
from pipecat.utils.errors import ErrorCategory

from cascaded_services.call_client import CallClient, classify_error, client_config

# About two minutes of speech: nobody listens longer, and a model that runs on is paid for.
_MAX_TOKENS = 400
# Facts and tools rather than invention. Only for Nova: some models of Converse refuse the parameter.
_NOVA_TEMPERATURE = 0.3
# All attempts together, up to the first byte of the answer.
_ANSWER_SECONDS = 10.0
# Bedrock refuses a conversation that starts with its own words, as every call with a greeting does.
_CALL_BEGINS = "(The call begins.)"


class BedrockLLMService(AWSBedrockLLMService):
    """Any model or inference profile that ConverseStream accepts."""

    def __init__(self, *, region: str, model_id: str, prompt: str) -> None:
        super().__init__(
            aws_region=region,
            client_config=client_config(),
            settings=self.Settings(
                model=model_id,
                system_instruction=prompt,
                max_tokens=_MAX_TOKENS,
                temperature=_NOVA_TEMPERATURE if "amazon.nova" in model_id else None,
            ),
        )
        self._aws_session: Any = CallClient()
        self._answer: Any = None
        self.add_event_handler("on_completion_timeout", self._report_timeout)

    async def cleanup(self) -> None:
        """Release everything."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._aws_session.close()

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        return classify_error(exception)

    async def _report_timeout(self, *_: object) -> None:
        await self.push_error("Bedrock did not answer in time", category=ErrorCategory.CONNECTIVITY)

    async def _get_llm_invocation_params(self, context: LLMContext) -> AWSBedrockLLMInvocationParams:
        params = await super()._get_llm_invocation_params(context)
        messages = params["messages"]
        if messages and messages[0]["role"] == "assistant":
            messages.insert(0, {"role": "user", "content": [{"text": _CALL_BEGINS}]})
        return params

    async def _create_converse_stream(self, client: Any, request_params: dict[str, Any]) -> Any:
        async with asyncio.timeout(_ANSWER_SECONDS):
            response = await client.converse_stream(**request_params)
        self._answer = response["stream"]
        return response

    async def _process_context(self, context: LLMContext) -> None:
        try:
            await super()._process_context(context)
        finally:
            # An answer that was interrupted would keep its connection, and Bedrock would go on; a finished one has
            # given its connection back already.
            if self._answer:
                self._answer.close()
                self._answer = None
