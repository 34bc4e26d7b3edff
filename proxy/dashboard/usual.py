"""Whether yesterday had fewer conversions than such a weekday usually has. Pure, and meant to be said in full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from proxy.report.model import DayCount

WEEKS: Final = 4
DAYS_NEEDED: Final = WEEKS * 7 + 1
"""Days to be read, the last of them yesterday."""
_ENOUGH: Final = 10
"""An average below this says nothing about a single day."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Yesterday's conversions, and their average on the same weekday in the ``weeks`` before it, in tenths.

    ``weeks`` is 0 where there is too little to compare with.
    """

    day: date
    number: int
    weeks: int
    average_tenths: int

    @property
    def fewer(self) -> bool:
        """Tell whether it was less than half of the average."""
        return self.weeks > 0 and 20 * self.number < self.average_tenths


def usual(days: Sequence[DayCount], yesterday: date) -> Usual:
    """Compare yesterday with the same weekdays before it, as far back as there were any conversions at all."""
    counts = {one.day: one.conversions for one in days}
    begun = min((day for day, number in counts.items() if number), default=yesterday)
    same = [yesterday - timedelta(7 * week) for week in range(1, WEEKS + 1)]
    before = [counts[day] for day in same if day in counts and day >= begun]
    tenths = sum(before) * 10 // len(before) if before else 0
    weeks = len(before) if len(before) > 1 and tenths >= _ENOUGH * 10 else 0
    return Usual(yesterday, counts.get(yesterday, 0), weeks, tenths if weeks else 0)
