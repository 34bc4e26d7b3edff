"""Opens the wire again when it is lost: one attempt at a time for all who wait, paced, and not ended by their impatience.

A connection counts as open once the server has run a script on it. One that merely takes connections (stopped, paused,
still loading, out of connections) is away like one that is not there.
"""

import asyncio
import random

from proxy.store.trouble import GONE, code_of
from proxy.store.wire import Wire

_OPEN_S = 1.5
"""Seconds for one attempt. A server that needs longer to greet us would miss every deadline of a request anyway."""
_PAUSES_S = (0.02, 0.15)
"""Shortest and longest pause between attempts, doubling. Whoever waits for a moment sees one attempt at least."""
BRIEF_S = 0.25
"""Seconds that a request waits for a store that is known to be away."""
_FORGOTTEN_S = 30.0
"""Seconds after which nobody concludes anything from what was suspected and not looked at since."""


class Opener:
    """See the module.

    Attributes:
        trouble: code of the last failure (see ``proxy.store.trouble``); empty while the wire is open.

    Args:
        wire: what is to be opened.
    """

    def __init__(self, wire: Wire) -> None:
        self.trouble = ""
        self._wire = wire
        self._away_since: float | None = None
        self._open = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def wait(self, began: float, patience_s: float) -> bool:
        """Wait until the wire is open; False if it is not in time.

        For ``patience_s`` from its beginning, an outage is waited for: a restart costs nobody an event. In one that has
        lasted longer nobody waits for more than a moment, as all who wait are held in memory.

        Args:
            began: when the caller began to want it, by the loop's clock.
            patience_s: how long to wait in all.
        """
        if self._wire.live:
            return True
        if self._task is None:
            self._open.clear()
            self._task = asyncio.create_task(self._run())
            if self._away_since is not None and began - self._away_since > _FORGOTTEN_S:
                self._away_since = None
        away = self._away_since
        until = began + patience_s
        if away is not None:
            until = min(until, max(began + BRIEF_S, away + patience_s))
        try:
            async with asyncio.timeout_at(until):
                await self._open.wait()
        except TimeoutError:
            return False
        return True

    def suspect(self, since: float) -> None:
        """Say that a command was given up on, which had waited since then: the store is away although it listens."""
        self.trouble = "TimeoutError"
        if self._away_since is None:
            self._away_since = since

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause, most = _PAUSES_S
        try:
            while True:
                began = loop.time()
                try:
                    async with asyncio.timeout(_OPEN_S):
                        await self._wire.open()
                except GONE as error:
                    self.trouble = code_of(error)
                    if self._away_since is None:
                        self._away_since = began
                else:
                    self.trouble = ""
                    self._away_since = None
                    return
                await asyncio.sleep(pause * random.uniform(0.75, 1.0))  # noqa: S311  # jitter, not a secret
                pause = min(pause * 2, most)
        finally:
            self._task = None
            self._open.set()

    def close(self) -> None:
        """Try no more."""
        if self._task is not None:
            self._task.cancel()
