"""What is measured of requests, of the store and of the event loop: gathered in the process, handed over once a second."""

import asyncio
from typing import Final

from prometheus_client import Counter

from proxy.metrics import (
    CLASSES,
    HTTP_REQUESTS,
    LOOP_BUCKETS,
    LOOP_LAG,
    STORE_BUCKETS,
    STORE_DURATION,
    STORE_ERRORS,
    STORE_OPERATIONS,
)
from proxy.observe import Gathered

_EVERY_S: Final = 1.0
_TICK_S: Final = 0.5


class Tally:
    """Feeds one labelled counter. What a killed process had gathered in its last second is lost."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._counts: dict[tuple[str, ...], int] = {}
        self._handle: asyncio.TimerHandle | None = None

    def add(self, labels: tuple[str, ...]) -> None:
        """Count one. Needs a running loop."""
        counts = self._counts
        counts[labels] = counts.get(labels, 0) + 1
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(_EVERY_S, self.hand_over)

    def hand_over(self) -> None:
        """Hand over what was gathered."""
        self._handle = None
        counts, self._counts = self._counts, {}
        for labels, number in counts.items():
            self._counter.labels(*labels).inc(number)


class RequestWatch:
    """Counts public requests by route and status."""

    def __init__(self) -> None:
        self._tally = Tally(HTTP_REQUESTS)

    def __call__(self, route: str, status: int) -> None:
        """Count one that was answered with a status."""
        self._tally.add((route, CLASSES[min(max(status // 100, 2), 5) - 2]))

    def hand_over(self) -> None:
        """Hand over what was gathered."""
        self._tally.hand_over()


class StoreWatch:
    """Measures what the store takes for our scripts."""

    def __init__(self) -> None:
        self._times = {
            name: Gathered(STORE_DURATION.labels(name), STORE_BUCKETS) for name in STORE_OPERATIONS
        }
        self._errors = {name: STORE_ERRORS.labels(name) for name in STORE_OPERATIONS}

    def __call__(self, name: str, seconds: float, *, done: bool) -> None:
        """Take one: the script's name, how long it took, and whether it was run at all."""
        known = name if name in self._times else "other"
        self._times[known].observe(seconds)
        if not done:
            self._errors[known].inc()


async def watch_loop(part: str) -> None:
    """Measure how late timers fire, until cancelled. ``part`` is a value of the metric's label."""
    lag = Gathered(LOOP_LAG.labels(part), LOOP_BUCKETS)
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK_S
        await asyncio.sleep(_TICK_S)
        lag.observe(max(loop.time() - due, 0.0))
