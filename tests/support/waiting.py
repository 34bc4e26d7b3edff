"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

# Who looks less often than that sees too late what is over soon.
_LOOK_S, _LOOK_SELDOM_S, _LOOK_COSTLY_S = 0.005, 0.025, 0.2


async def wait_until(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 10.0, what: str = "it"
) -> None:
    """Return when the condition holds; fail if it does not within that time.

    What is dear to look at, as a scrape of all metrics, is looked at seldom: else looking would take a core to itself.
    """
    deadline = time.monotonic() + within_s
    pause = _LOOK_S
    while True:
        began = time.monotonic()
        found = condition()
        if await found if isawaitable(found) else found:
            return
        assert time.monotonic() < deadline, f"{what} did not come about within {within_s} s"
        pause = min(1.2 * pause, _LOOK_SELDOM_S)
        await asyncio.sleep(max(pause, min(3 * (time.monotonic() - began), _LOOK_COSTLY_S)))


async def passed(seconds: float) -> None:
    """Return when so much time has passed, where time itself is the condition."""
    started = time.monotonic()
    await wait_until(lambda: time.monotonic() - started > seconds, within_s=seconds + 10)
