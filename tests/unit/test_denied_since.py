"""Whether a signal was denied after an entry's consent was read: told by marks, so that no clock can hide it."""

import pytest

from proxy.consent import Four, Record, denied_since, still_allows
from proxy.delivery.narrowing import narrowed
from proxy.signals import ALL_GRANTED, Value
from tests.support.events import NOW_MS

YEAR_MS = 365 * 86_400_000
HOUR_MS = 3_600_000
NEVER: Four = (0, 0, 0, 0)

# What: the mark in the record now, the mark when it was read, when it was read; whether it was denied since.
CASES: dict[str, tuple[int, int | None, int, bool]] = {
    "never denied": (0, 0, NOW_MS, False),
    "denied before, and known": (NOW_MS - 5, NOW_MS - 5, NOW_MS, False),
    "denied before by a clock that was ahead, and known": (NOW_MS + HOUR_MS, NOW_MS + HOUR_MS, NOW_MS, False),
    "denied since": (NOW_MS + 5, 0, NOW_MS, True),
    "denied since by a clock that was put back": (NOW_MS - HOUR_MS, 0, NOW_MS, True),
    "denied again since by a clock that was put back": (NOW_MS - HOUR_MS, NOW_MS - 5, NOW_MS, True),
    "denied again in the same millisecond": (NOW_MS + 1, NOW_MS, NOW_MS, True),
    "another system has forgotten when": (0, NOW_MS - 5, NOW_MS, False),
    "an old entry: denied before": (NOW_MS - 1, None, NOW_MS, False),
    "an old entry: denied since": (NOW_MS, None, NOW_MS, True),
}


@pytest.mark.parametrize(("mark", "known", "read_at", "denied"), CASES.values(), ids=CASES)
def test_cases(mark: int, known: int | None, read_at: int, denied: bool) -> None:
    """Granted again in the meantime, so that nothing else would hold the entry back."""
    record = Record(ALL_GRANTED, "page", NOW_MS, times=(NOW_MS,) * 4, denied_at=(0, mark, 0, 0))
    marks: Four | None = None if known is None else (0, known, 0, 0)
    assert denied_since(record, 1, read_at=read_at, known=marks) is denied
    assert not denied_since(record, 0, read_at=read_at, known=marks)
    now_ms = NOW_MS + 10
    allows = still_allows(record, (1,), read_at=read_at, now_ms=now_ms, max_age_ms=YEAR_MS, known=marks)
    assert allows is not denied
    assert still_allows(record, (0, 2, 3), read_at=read_at, now_ms=now_ms, max_age_ms=YEAR_MS, known=marks)
    left = narrowed(ALL_GRANTED, record, read_at=read_at, now_ms=now_ms, max_age_ms=YEAR_MS, known=marks)
    assert (left.ad_storage is Value.DENIED) is denied


def test_what_is_known_is_all_that_counts() -> None:
    """A record that never knew a denial, read by a clock that is behind: nothing was denied."""
    record = Record(ALL_GRANTED, "page", NOW_MS, times=(NOW_MS,) * 4)
    assert still_allows(record, (0, 1, 2, 3), read_at=1, now_ms=NOW_MS, max_age_ms=YEAR_MS, known=NEVER)
