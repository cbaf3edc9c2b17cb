"""A call of four turns, as every pipeline must hold it: whatever hears, thinks and speaks, and whatever carries it.

It passes when the bot greets; says back what it heard; calls a tool and speaks of what the tool answered; falls silent
when the caller talks into its long answer; takes the turn that did so; and ends the call itself after a goodbye.
What it can't see: how good a voice sounds, and how clever an answer is.
"""

import re
import time

from tests.agent_image.agent_process import until
from tests.agent_image.caller import Caller, Message, SocketCaller
from tests.agent_image.peer_caller import PeerCaller
from tests.agent_image.room_caller import RoomCaller

# Sentences that Moonshine understands when espeak-ng speaks them, over Opus too. It takes most numbers for other words.
REPEATED = "I like music very much."
ORDERED = "Can you find order number two for me?"
ORDERED_THING = "coat"  # of order 2 in agent_image/tools/orders.json
COUNTED = "Please count to twenty."
INTERRUPTION = "Please repeat, I have a small garden."
GOODBYE = "Thank you, bye bye."

# A recogniser on a busy machine may take a sentence for another one: then it is said again, as a human would.
_TRIES = 3
# A bot that is silent for so long after its answer has no other one.
_SETTLED_SECONDS = 5.0
# An interruption is a matter of some tens of milliseconds; this must also hold on a slow machine.
_SILENT_WITHIN_SECONDS = 1.5
# The count is longer than this in every voice; who is not interrupted speaks it to its end.
_COUNT_SECONDS = 4.0


async def hold_four_turns(caller: Caller) -> None:
    """Hold the call to its end. Raises `AssertionError` or `TimeoutError` with what was said so far."""
    try:
        await _greeting(caller)
        assert "music" in await ask(caller, REPEATED, until_said="music")
        assert ORDERED_THING in await ask(caller, ORDERED, until_said=ORDERED_THING)
        await _barge_in(caller)
        await _goodbye(caller)
    except (AssertionError, TimeoutError) as error:
        heard, said = caller.heard(after=0), caller.said(after=0)
        error.add_note(
            f"the bot heard {heard!r} and said {said!r}; messages: {[m.type for m in caller.messages[-20:]]}"
        )
        raise


async def ask(caller: Caller, text: str, *, until_said: str = r"\w", within: float = 20.0) -> str:
    """Say something until the bot has answered with some words, and is silent; what it said, in lower case.

    Raises `AssertionError` when none of three answers had the words, and `TimeoutError` without any answer.
    """
    answer = ""
    for _ in range(_TRIES):
        asked = time.monotonic()
        await caller.say(text)
        if re.search(until_said, await _answer(caller, since=asked, until_said=until_said, within=within)):
            await silent(caller, since=asked, within=within)
            return caller.said(after=asked).lower()
        answer = caller.said(after=asked)
    raise AssertionError(f"the bot was to say {until_said!r} to {text!r}, and said {answer!r}")


async def _answer(caller: Caller, *, since: float, until_said: str, within: float) -> str:
    """What the bot has said as soon as the words are among it, or as it has nothing to add, in lower case."""

    async def answered() -> bool:
        if re.search(until_said, caller.said(after=since).lower()):
            return True
        spoken = [m for m in caller.messages if m.time > since and m.type in _SPEAKING]
        stopped = bool(spoken) and spoken[-1].type == "bot-stopped-speaking"
        return stopped and time.monotonic() - spoken[-1].time > _SETTLED_SECONDS

    await until(answered, within=within)
    return caller.said(after=since).lower()


async def silent(caller: Caller, *, since: float, within: float = 20.0) -> None:
    """Wait until the bot has spoken since a moment, and has stopped."""

    async def stopped() -> bool:
        kinds = [m.type for m in caller.messages if m.time > since and m.type in _SPEAKING]
        return bool(kinds) and kinds[-1] == "bot-stopped-speaking"

    await until(stopped, within=within)


async def ended(caller: Caller, *, within: float = 20.0) -> str | None:
    """Wait until the agent has ended the call properly; its reason, which only a WebSocket carries."""
    if isinstance(caller, SocketCaller):
        code, reason = await caller.closed(within=within)
        assert code == 1000, (code, reason)
        return reason
    assert isinstance(caller, PeerCaller | RoomCaller)
    await caller.hung_up(within=within)
    return None


_SPEAKING = ("bot-started-speaking", "bot-stopped-speaking")


async def _greeting(caller: Caller) -> None:
    await caller.message("bot-ready", within=20)
    await caller.message("bot-tts-text", within=20)
    await caller.bot_audio(after=caller.connected_at, within=20)
    await silent(caller, since=caller.connected_at)


async def _barge_in(caller: Caller) -> None:
    speaking = await _count(caller)
    await caller.say(INTERRUPTION)
    noticed = await caller.message("user-started-speaking", after=speaking.time)
    # A model that takes turns itself may have heard the interruption before the agent did.
    stopped = await caller.message("bot-stopped-speaking", after=speaking.time)

    assert stopped.time - noticed.time < _SILENT_WITHIN_SECONDS
    assert stopped.time - speaking.time < _COUNT_SECONDS

    if "garden" not in await _answer(caller, since=stopped.time, until_said="garden", within=20):
        await ask(caller, INTERRUPTION, until_said="garden")
    await silent(caller, since=stopped.time)


async def _count(caller: Caller) -> Message:
    """Have the bot count; the message that says that it has begun to."""
    for _ in range(_TRIES):
        asked = time.monotonic()
        await caller.say(COUNTED)
        speaking = await caller.message("bot-started-speaking", after=asked, within=20)
        if re.search("count|twenty", caller.heard(after=asked).lower()):
            return speaking
        await silent(caller, since=asked)
    raise AssertionError(f"the bot was to count, and heard {caller.heard(after=asked)!r}")


async def _goodbye(caller: Caller) -> None:
    for _ in range(_TRIES):
        asked = time.monotonic()
        await caller.say(GOODBYE)
        if "bye" in await _answer(caller, since=asked, until_said="bye", within=20):
            break
    await ended(caller)

    assert "bye" in caller.said(after=asked).lower()
