"""Time zones: which day it is somewhere."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA database; ``UTC`` is there on every machine.

    Raises:
        ValueError: this machine does not know it.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of the database
        raise ValueError("not a time zone of this machine") from None


class Days:
    """Tells days apart by a time zone's midnights; the day that it is now is worked out once.

    Args:
        zone: the time zone.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self.zone = zone
        self._day = ""
        self._from = self._to = 0

    def of(self, at_ms: int) -> str:
        """Return the day of a time (Unix ms), as ``2026-11-22``."""
        if not self._from <= at_ms < self._to:
            day = self.date_of(at_ms)
            self._from, self._to = self._begins(day), self._begins(day + timedelta(days=1))
            self._day = day.isoformat()
        return self._day

    def date_of(self, at_ms: int) -> date:
        """Return the day of a time (Unix ms)."""
        return datetime.fromtimestamp(at_ms / 1000, self.zone).date()

    def _begins(self, day: date) -> int:
        """Return a day's first moment, Unix ms. Where midnight is left out by summer time, it is the hour after."""
        return round(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp() * 1000)


@lru_cache(maxsize=8)
def days_of(name: str) -> Days:
    """Return the days of a time zone by its name; see ``zone_of``."""
    return Days(zone_of(name))
