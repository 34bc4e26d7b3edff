"""Spans of time as operators write them: ``2h`` ago, or a point in time. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,6})(s|min|m|h|d)", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def parse_moment(text: str, now_ms: int) -> int | None:
    """Return the time that a text means, Unix ms; None if it means none.

    Args:
        text: how long ago (``90s``, ``30m``, ``2h``, ``1d``), or a time by ISO 8601, in UTC unless it names another zone.
        now_ms: from when to count back.
    """
    match = _AGO.fullmatch(text)
    if match is not None:
        return now_ms - int(match[1]) * _UNITS[match[2]] * 1000
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
