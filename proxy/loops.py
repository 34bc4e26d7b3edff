"""The event loop: uvloop where it is, and an exception handler that quotes nothing."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger("sayso")


def _on_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    place = "nowhere"
    trace = error.__traceback__ if isinstance(error, BaseException) else None
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    log.error("something failed outside any request: %s at %s", type(error).__name__, place)


def quiet(loop: asyncio.AbstractEventLoop) -> None:
    """Let a loop report failures by type and place; asyncio's own report prints objects, and so people's data."""
    loop.set_exception_handler(_on_exception)


def run(main: Coroutine[object, object, T]) -> T:
    """Run a program to its end."""

    async def wrapped() -> T:
        quiet(asyncio.get_running_loop())
        return await main

    if sys.platform == "win32":
        return asyncio.run(wrapped())
    import uvloop  # noqa: PLC0415  # not there on Windows

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(wrapped())
