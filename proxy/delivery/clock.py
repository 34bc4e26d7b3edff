"""Time as delivery sees it: one object, so that tests can turn it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day and measures stretches of it."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; they go on while the process is stopped."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()
