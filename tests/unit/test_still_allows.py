"""The re-read of consent before a full entry is sent: it only ever lowers."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.consent import Record, combine, still_allows
from proxy.reasons import Reason
from proxy.signals import ALL_UNKNOWN, Signals

NOW = 1_795_341_600_000
YEAR = 365 * 86_400_000
AHEAD = 5 * 60_000
MINUTE = 60_000
LONG_AGO = NOW - YEAR - 1

Moments = tuple[int, int, int, int]


def record(
    code: str,
    at: int = NOW - MINUTE,
    *,
    tombstone: bool = False,
    times: Moments = (0, 0, 0, 0),
    denied_at: Moments = (0, 0, 0, 0),
) -> Record:
    """Return a stored record, its signals as four letters."""
    return Record(
        Signals.from_code(code), "banner", at, times=times, denied_at=denied_at, tombstone=tombstone
    )


MOMENTS = st.sampled_from([0, LONG_AGO, NOW - YEAR, NOW - MINUTE, NOW, NOW + AHEAD, NOW + AHEAD + 1])
RECORDS = st.builds(
    record,
    st.text("gdu", min_size=4, max_size=4),
    MOMENTS,
    tombstone=st.booleans(),
    times=st.tuples(MOMENTS, MOMENTS, MOMENTS, MOMENTS),
)


READ = NOW - 10 * MINUTE
STATISTICS, ADS = (0,), (1, 2, 3)


def allows(
    stored: Record | None, needs: tuple[int, ...] = ADS, *, interest: bool = False, read_at: int = READ
) -> bool:
    """Ask whether an entry may still go out in full."""
    return still_allows(stored, needs, read_at=read_at, now_ms=NOW, max_age_ms=YEAR, interest=interest)


RE_READ: list[tuple[str, Record | None, tuple[int, ...], bool]] = [
    ("no record changes nothing", None, ADS, True),
    ("still granted", record("gggg"), ADS, True),
    ("one needed signal is denied now", record("ggdg"), ADS, False),
    ("a signal is denied that was not needed", record("gddd"), STATISTICS, True),
    ("withdrawn for good", record("gggg", tombstone=True), ADS, False),
    ("withdrawn for good, and nothing was needed", record("dddd", tombstone=True), (), False),
    ("a record that knows nothing of the signal", record("guuu"), ADS, True),
    ("denied and granted again since it was read", record("gggg", denied_at=(0, READ + 1, 0, 0)), ADS, False),
    ("denied in the very millisecond of the read", record("gggg", denied_at=(0, 0, 0, READ)), ADS, False),
    ("denied and granted again before it was read", record("gggg", denied_at=(0, READ - 1, 0, 0)), ADS, True),
    ("another signal was denied in between", record("gggg", denied_at=(READ + 1, 0, 0, 0)), ADS, True),
    ("run out since", record("gggg", NOW - YEAR - 1), ADS, False),
    ("run out in a moment", record("gggg", NOW - YEAR), ADS, True),
    ("one signal has run out", record("gggg", times=(NOW, NOW, NOW - YEAR - 1, NOW)), ADS, False),
    ("one signal has run out that was not needed", record("gggg", times=(LONG_AGO, NOW, NOW, NOW)), ADS, True),
    ("from the future", record("gggg", NOW + AHEAD + 1), ADS, False),
    ("a little ahead of our clock", record("gggg", NOW + AHEAD), ADS, True),
    ("without a time", record("gggg", 0), ADS, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "needs", "wanted"), [row[1:] for row in RE_READ], ids=[row[0] for row in RE_READ]
)
def test_the_re_read_lowers(stored: Record | None, needs: tuple[int, ...], wanted: bool) -> None:
    """A stored denial, a tombstone or expiry lowers; no record changes nothing."""
    assert allows(stored, needs) is wanted


def test_on_legitimate_interest_a_grant_that_has_run_out_ends_nothing() -> None:
    """Such an entry did not stand on the grant; a denial, or a grant from the future, still ends it."""
    assert allows(record("gggg", LONG_AGO), STATISTICS, interest=True)
    assert not allows(record("gggg", LONG_AGO), STATISTICS, interest=False)
    assert not allows(record("gggg", LONG_AGO), ADS, interest=True)
    assert not allows(record("dddd", LONG_AGO), STATISTICS, interest=True)
    assert not allows(record("gggg", NOW + AHEAD + 1), STATISTICS, interest=True)
    assert not allows(record("guuu", LONG_AGO, denied_at=(READ, 0, 0, 0)), STATISTICS, interest=True)


@settings(max_examples=200, deadline=None)
@given(RECORDS, st.booleans())
@example(record("gddd", 0), True)  # a grant without any time is unreadable, also on legitimate interest
def test_what_is_not_granted_now_is_not_sent_in_full(stored: Record, interest: bool) -> None:
    """What the re-read lets pass, the gateway would not have refused for what the record says."""
    for needs in (STATISTICS, ADS, (0, 1, 2, 3)):
        if not allows(stored, needs, interest=interest):
            continue
        found = combine(stored, None, ALL_UNKNOWN, gpc=False, now_ms=NOW, max_age_ms=YEAR)
        for position in needs:
            reason = found.why[position]
            fine = {Reason.GRANTED, Reason.CONSENT_UNKNOWN} | (
                {Reason.CONSENT_EXPIRED} if interest and position == 0 else set()
            )
            assert reason in fine, (position, stored)
