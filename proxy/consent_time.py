"""The time by which consent runs out: within a process it never goes back, whatever happens to the machine's clock.

A clock that is put back must not bring a grant to life again that has run out. So the time of day counts only where it is
ahead of what the process has seen before. A clock that was wrongly put forward therefore goes on counting for consent
after it is mended, until the process is started anew: grants seem older than they are, and less is sent, never more.
"""

import logging
from typing import Final

log = logging.getLogger("sayso")

_WORTH_TELLING_MS: Final = 60_000


class ConsentTime:
    """The latest that the time of day can be, by all that one process has seen of it."""

    __slots__ = ("_ahead_ms", "_told_ms")

    def __init__(self) -> None:
        self._ahead_ms: int | None = None
        self._told_ms = _WORTH_TELLING_MS

    def of(self, now_ms: int, monotonic_s: float) -> int:
        """Return the time of consent, Unix ms; never less than ``now_ms``, nor than before.

        Args:
            now_ms: the time of day, Unix ms.
            monotonic_s: seconds on a clock that nobody can set.
        """
        run_ms = int(monotonic_s * 1000)
        ahead = self._ahead_ms
        if ahead is None or now_ms - run_ms > ahead:
            self._ahead_ms = now_ms - run_ms
            return now_ms
        found = max(run_ms + ahead, now_ms)
        if found - now_ms > self._told_ms:
            self._told_ms = 2 * (found - now_ms)
            log.warning(
                "the clock was put back by %d s: until a restart, consent is taken to be that much older",
                (found - now_ms) // 1000,
            )
        return found
