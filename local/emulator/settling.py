"""Stacks whose custom resources are done in a moment, and a CDK CLI that looks only every five seconds."""

import asyncio
from typing import Any

from ministack.services import cloudformation

LONGEST_WAIT_SECONDS = 4.0


def answer_once_stacks_settle() -> None:
    """Answer a request that changes a stack when the change is through, or after a few seconds.

    ministack works on a custom resource in the background, so the CLI's first look would find the stack unfinished.
    """
    handle_request = cloudformation.handle_request

    async def corrected(*request: Any) -> Any:
        before = asyncio.all_tasks()
        answer = await handle_request(*request)  # never waits: what has started meanwhile is this request's
        if started := asyncio.all_tasks() - before:
            await asyncio.wait(started, timeout=LONGEST_WAIT_SECONDS)
        return answer

    cloudformation.handle_request = corrected
