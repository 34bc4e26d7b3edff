"""What is measured of requests, of the store and of the event loop: gathered in the process, handed over soon after."""

import asyncio
import time
from typing import Final

from prometheus_client import Counter

from proxy.metrics import (
    CLASSES,
    HTTP_REQUESTS,
    LOOP_BUCKETS,
    LOOP_CPU,
    LOOP_LAG,
    PROCESS_CPU,
    STORE_BUCKETS,
    STORE_DURATION,
    STORE_ERRORS,
    STORE_OPERATIONS,
)
from proxy.observe import HANDED_OVER_S, Gathered

_TICK_S: Final = 0.5


class Tally:
    """Feeds one labelled counter. What a killed process had gathered since it handed over last is lost."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._counts: dict[tuple[str, ...], int] = {}
        self._handle: asyncio.TimerHandle | None = None

    def add(self, labels: tuple[str, ...]) -> None:
        """Count one. Needs a running loop."""
        counts = self._counts
        counts[labels] = counts.get(labels, 0) + 1
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(HANDED_OVER_S, self.hand_over)

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
    """Measure how late timers fire and how much CPU is used, until cancelled.

    Each process counts its own CPU time, from its start on: so the sum never falls, whichever of them ends.

    Args:
        part: a value of the metrics' label.
    """
    lag = Gathered(LOOP_LAG.labels(part), LOOP_BUCKETS)
    of_process, of_loop = PROCESS_CPU.labels(part), LOOP_CPU.labels(part)
    process_s = loop_s = 0.0
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK_S
        await asyncio.sleep(_TICK_S)
        lag.observe(max(loop.time() - due, 0.0))
        before, process_s = process_s, time.process_time()
        of_process.inc(max(process_s - before, 0.0))
        before, loop_s = loop_s, time.thread_time()  # the loop runs in this thread
        of_loop.inc(max(loop_s - before, 0.0))
