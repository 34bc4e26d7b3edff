"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable


async def wait_until(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 10.0, what: str = "it"
) -> None:
    """Return when the condition holds; fail if it does not within that time."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if await found if isawaitable(found) else found:
            return
        assert time.monotonic() < deadline, f"{what} did not come about within {within_s} s"
        await asyncio.sleep(0.005)


async def passed(seconds: float) -> None:
    """Return when so much time has passed, where time itself is the condition."""
    started = time.monotonic()
    await wait_until(lambda: time.monotonic() - started > seconds, within_s=seconds + 10)
