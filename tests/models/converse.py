"""A stand-in for Bedrock's ConverseStream.

It verifies signatures, validates requests against botocore's model of the service and against rules that the model
doesn't hold, and answers by tests/models/script.py in event stream messages. It proves nothing about what a model says,
how fast it is, which models an account may use, or the rules of single models.
Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html
"""

import asyncio
import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import botocore.session
from aiohttp import web
from botocore.validate import ParamValidator

from tests.models.event_stream import encode_event, encode_exception
from tests.models.script import CallTool, Say, answer, answer_to_tool
from tests.models.stand_in import AwsStandIn, validation_error

_MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")
_SHAPE: Any = _MODEL.operation_model("ConverseStream").input_shape


@dataclass(kw_only=True)
class ConverseStandIn(AwsStandIn):
    """`bodies` are the requests that were found good, `models` the ids in their paths.

    Between the words of an answer it waits `word_seconds`. An answer that is `broken` ends in its middle, with an
    error. `unfinished` counts the answers whose reader went away.
    """

    service: str = "bedrock"
    word_seconds: float = 0.0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    unfinished: int = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/model/{model}/converse-stream", self._converse)]

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        wire = await self.verified(request)
        model = unquote(request.match_info["model"])
        body = json.loads(wire.body)
        _check(body, model=model)
        self.models.append(model)
        self.bodies.append(body)
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.amazon.eventstream"})
        await response.prepare(request)
        try:
            for number, event in enumerate(_events(_next_step(body))):
                await response.write(event)
                if self.failing == "broken" and number == 1:
                    await response.write(encode_exception("modelStreamErrorException", "The model broke off."))
                    break
                await asyncio.sleep(self.word_seconds)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            self.unfinished += 1
            raise
        return response


def _check(body: dict[str, Any], *, model: str) -> None:
    report = ParamValidator().validate({**body, "modelId": model}, _SHAPE)
    if report.has_errors():
        raise validation_error(report.generate_report())
    messages = body.get("messages", [])
    roles = [message["role"] for message in messages]
    if not roles or roles[0] != "user" or roles[-1] != "user":
        raise validation_error("A conversation must start and end with a user message.")
    if any(one == other for one, other in itertools.pairwise(roles)):
        raise validation_error("Messages must alternate between user and assistant.")
    _check_blocks(messages, has_tools="toolConfig" in body)


def _check_blocks(messages: list[dict[str, Any]], *, has_tools: bool) -> None:
    asked: set[str] = set()
    for message in messages:
        blocks = message["content"]
        answered = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        if sorted(answered) != sorted(asked):
            raise validation_error(f"Expected toolResult blocks for the ids {sorted(asked)}, got {sorted(answered)}.")
        asked = {block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block}
        if (asked or answered) and not has_tools:
            raise validation_error("The toolConfig field must be defined when using toolUse and toolResult blocks.")
        if not blocks or any("text" in block and not block["text"].strip() for block in blocks):
            raise validation_error("The content field is empty, or a text field in it is blank.")


def _next_step(body: dict[str, Any]) -> Say | CallTool:
    *_, last = body["messages"]
    if results := [block["toolResult"] for block in last["content"] if "toolResult" in block]:
        return answer_to_tool(_tool_name(body["messages"], results[-1]["toolUseId"]), _content(results[-1]))
    step = answer(next(block["text"] for block in reversed(last["content"]) if "text" in block))
    if isinstance(step, CallTool):
        known = [tool["toolSpec"]["name"] for tool in body.get("toolConfig", {}).get("tools", [])]
        assert step.name in known, f"the agent offers no tool {step.name}, only {known}"
    return step


def _tool_name(messages: list[dict[str, Any]], tool_use_id: str) -> str:
    uses = [block["toolUse"] for message in messages for block in message["content"] if "toolUse" in block]
    return str(next(use["name"] for use in uses if use["toolUseId"] == tool_use_id))


def _content(result: dict[str, Any]) -> Any:
    content = result["content"][0]
    return content["json"] if "json" in content else content["text"]


def _events(step: Say | CallTool) -> Iterator[bytes]:
    yield encode_event("messageStart", {"role": "assistant"})
    if isinstance(step, Say):
        words = step.text.split(" ")
        for position, word in enumerate(words):
            text = word if position == len(words) - 1 else f"{word} "
            yield encode_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})
    else:
        use = {"toolUseId": f"tooluse_{uuid.uuid4().hex}", "name": step.name}
        yield encode_event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": use}})
        arguments = json.dumps(dict(step.arguments))
        for part in (arguments[:5], arguments[5:]):
            yield encode_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": part}}})
    yield encode_event("contentBlockStop", {"contentBlockIndex": 0})
    yield encode_event("messageStop", {"stopReason": "end_turn" if isinstance(step, Say) else "tool_use"})
    usage = {"inputTokens": 100, "outputTokens": 10, "totalTokens": 110}
    yield encode_event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})
