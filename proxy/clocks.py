"""How far this machine's clock is from others', by what those say. Pure: the times are given.

Another clock is read over a network, so its time is of some moment between the question and the answer. What can be known
is a span in which the difference lies; a clock counts as wrong only by what is beyond that.
"""

from dataclasses import dataclass
from typing import Final

_TOGETHER_S: Final = 60.0
"""For so long readings of one clock are taken together: each says something of the same difference."""
_LAST_S: Final = 900.0
"""A reading older than this says nothing any more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """By how much our clock is ahead of another: at least, and at most, in seconds; below zero it is behind."""

    least_s: float
    most_s: float

    @classmethod
    def of(cls, asked_ms: int, answered_ms: int, theirs_ms: int, resolution_ms: int) -> "Reading":
        """Make one of an answer.

        Args:
            asked_ms: our time when the question was asked, Unix ms.
            answered_ms: our time when the answer was there, Unix ms.
            theirs_ms: the time that the answer tells, Unix ms, rounded down.
            resolution_ms: to how much it was rounded.
        """
        least, most = asked_ms - theirs_ms - resolution_ms, answered_ms - theirs_ms
        # Ours may have been put back in between.
        return cls(min(least, most) / 1000, max(least, most) / 1000)

    @property
    def sure_s(self) -> float:
        """By how much our clock is ahead for sure, in seconds; below zero it is behind; 0: both may be right."""
        return max(self.least_s, 0.0) or min(self.most_s, 0.0)

    def narrowed(self, other: "Reading") -> "Reading":
        """Return what both say; where they contradict each other, as a clock was set, the other."""
        least, most = max(self.least_s, other.least_s), min(self.most_s, other.most_s)
        return Reading(least, most) if least <= most else other


class VendorClocks:
    """What the vendors' answers say of our clock.

    If they differ, the one that agrees with us best is believed: a vendor's own clock may be wrong as well, and that is
    no trouble of ours.
    """

    def __init__(self) -> None:
        self._read: dict[str, tuple[Reading, float]] = {}

    def note(self, forwarder: str, reading: Reading, now_s: float) -> None:
        """Take note of an answer.

        Args:
            forwarder: whose vendor gave it. One of those that are configured, so there are few.
            reading: what it says.
            now_s: now, monotonic seconds.
        """
        before = self._read.get(forwarder)
        if before is None or now_s - before[1] > _TOGETHER_S:
            self._read[forwarder] = (reading, now_s)
        else:
            self._read[forwarder] = (before[0].narrowed(reading), before[1])

    def ahead_s(self, now_s: float) -> float | None:
        """Return by how much our clock is ahead of the vendors' for sure, seconds; None if none has answered of late.

        Args:
            now_s: now, monotonic seconds.
        """
        for forwarder in [name for name, (_, at_s) in self._read.items() if now_s - at_s > _LAST_S]:
            del self._read[forwarder]
        found = [reading.sure_s for reading, _ in self._read.values()]
        return min(found, key=abs, default=None) if _one_way(found) else 0.0


def _one_way(found: list[float]) -> bool:
    """Tell whether no two of them contradict each other."""
    return all(one >= 0 for one in found) or all(one <= 0 for one in found)
