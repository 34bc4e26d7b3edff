"""A listening twin with a clock that tests can move, and a plain client that speaks to it as Sayso would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.twin.app import RunningTwin, start_twin

NOW = 1_795_341_600.0  # 2026-11-22 10:00 UTC


@dataclass(slots=True)
class MovableClock:
    """Unix seconds that stand still until a test moves them."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> MovableClock:
    """Return a clock that stands at ``NOW`` until moved."""
    return MovableClock()


@pytest.fixture
async def running(clock: MovableClock) -> AsyncIterator[RunningTwin]:
    """Return a listening twin; its clock is ``clock``."""
    running = await start_twin(clock=clock)
    yield running
    await running.stop()


Answer = tuple[int, Any, dict[str, str]]


@pytest.fixture
async def send(running: RunningTwin) -> AsyncIterator[Callable[..., Awaitable[Answer]]]:
    """Send a request to the twin; give status, body (parsed if JSON) and headers."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

        async def request(method: str, target: str, body: Any = None, **kwargs: Any) -> Answer:
            if body is not None and "data" not in kwargs:
                kwargs["data"] = body if isinstance(body, bytes) else orjson.dumps(body)
                kwargs["headers"] = {"Content-Type": "application/json", **kwargs.get("headers", {})}
            async with session.request(method, running.url + target, **kwargs) as response:
                raw = await response.read()
                is_json = response.content_type == "application/json"
                return response.status, orjson.loads(raw) if is_json else raw, dict(response.headers)

        yield request
