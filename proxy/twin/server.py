"""The twin as a process of its own: ``sayso twin``."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from proxy.twin.app import start_twin


def run(host: str, port: int, *, capacity: int = 10_000, record: bool = True, strict: bool = True) -> None:
    """Serve until Ctrl-C or SIGTERM, then returns. Prints ``sayso twin ready url=...`` once it listens.

    Args:
        host: Address to listen on.
        port: Port; 0 = a free one.
        capacity: Most requests kept.
        record: Whether to keep requests, or only count them (for load).
        strict: Whether to check events as the vendors do.

    Raises:
        OSError: The address is not free.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(host, port, capacity=capacity, record=record, strict=strict))


async def _serve(host: str, port: int, *, capacity: int, record: bool, strict: bool) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    running = await start_twin(host, port, capacity=capacity, record=record, strict=strict)
    sys.stdout.write(f"sayso twin ready url={running.url}\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        await running.stop()
