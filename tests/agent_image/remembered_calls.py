"""Short calls of known callers, who type one turn and hang up."""

import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping

from tests.agent_image.agent_process import AgentProcess, until
from tests.agent_image.caller import SocketCaller
from tests.agent_image.four_turns import silent
from tests.models.memory import MemoryService

ANNA, BERT = "a1" * 32, "b2" * 32
AGREED = {"remember": True}
_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime"


def session_id(call: int) -> str:
    """An id of the form of the connect API's."""
    return f"{call:096x}"


async def ask(
    agent: AgentProcess,
    text: str,
    *,
    caller: str,
    number: int,
    body: Mapping[str, object] = AGREED,
    memory: MemoryService | None = None,
    hears_greeting: bool = False,
) -> str:
    """Place a call, type one turn, and hang up; what the bot answers, once the agent has put the call away.

    With a `memory`, the caller stays until it has the answer.
    """
    encoded = base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")
    headers = {f"{_HEADER}-Session-Id": session_id(number), f"{_HEADER}-Custom-Body": encoded}
    async with SocketCaller.connect(
        agent.url, headers=headers | ({f"{_HEADER}-Custom-Caller": caller} if caller else {})
    ) as place:
        if hears_greeting:
            await silent(place, since=place.connected_at)
        else:
            await place.message("bot-ready", within=30)
        asked = time.monotonic()
        options = {"run_immediately": True, "audio_response": False}
        await place.send_message("send-text", {"content": text, "options": options})
        await place.message("bot-llm-stopped", after=asked, within=30)
        answer = "".join(m.data["text"] for m in place.messages if m.type == "bot-llm-text" and m.time > asked)
        if memory:
            await until(stored(memory, ("ASSISTANT", answer), actor=caller, session=session_id(number)))
    await agent.idle()
    return answer


def stored(memory: MemoryService, turn: tuple[str, str], *, actor: str, session: str) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return turn in memory.said(actor=actor, session=session)

    return condition
