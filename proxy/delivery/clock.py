"""Time as delivery sees it: one object, so that tests can turn it. ADR 0017 says which time is used for what."""

import time
from typing import Protocol

from proxy.consent_time import ConsentTime


def _running_s() -> float:
    """Return seconds since the machine's start; where it can be had, those in which the machine slept as well."""
    return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()


_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """Tells the time of day and measures stretches of it."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds. It may be put forward and back at any moment."""
        ...

    def consent_ms(self) -> int:
        """Return the time by which consent runs out, Unix ms: as ``now_ms``, but it never goes back."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; they go on while the process is stopped."""
        ...


class SystemClock:
    """The machine's own time."""

    def __init__(self) -> None:
        self._consent_time = ConsentTime()
        self.consent_ms()  # from here on it cannot go back

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def consent_ms(self) -> int:
        """Return the time by which consent runs out, Unix ms."""
        return self._consent_time.of(self.now_ms(), self.monotonic())

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return _running_s()
