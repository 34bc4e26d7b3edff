"""Many sources, one state: every combination of their values and times, and the cases of which the rules are made."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.consent import UNREADABLE, Record, Refusal, Unreadable, combine
from proxy.reasons import Reason
from proxy.signals import ALL_DENIED, ALL_GRANTED, ALL_UNKNOWN, ConsentState, Signals, Value

NOW = 1_795_341_600_000
YEAR = 365 * 86_400_000
AHEAD = 5 * 60_000
MINUTE = 60_000
QUICK = settings(max_examples=200, deadline=None)

G, D, U = Value.GRANTED, Value.DENIED, Value.UNKNOWN
Moments = tuple[int, int, int, int]


def four(value: Value) -> Signals:
    """Return a state with the same value for all four signals."""
    return Signals.of(value, value, value, value)


def record(
    signals: Signals | str,
    at: int = NOW - MINUTE,
    *,
    gpc: bool = False,
    tombstone: bool = False,
    times: Moments = (0, 0, 0, 0),
    denied_at: Moments = (0, 0, 0, 0),
) -> Record:
    """Return a stored record, its signals as such or as four letters."""
    written = Signals.from_code(signals) if isinstance(signals, str) else signals
    return Record(written, "banner", at, gpc=gpc, times=times, denied_at=denied_at, tombstone=tombstone)


def refusal(code: str, at: int = NOW - MINUTE) -> Refusal:
    """Return what a refusal cookie says."""
    return Refusal(Signals.from_code(code), at)


def state(
    stored: Record | Unreadable | None = None,
    refused: Refusal | Unreadable | None = None,
    said: str = "uuuu",
    *,
    gpc: bool = False,
    now_ms: int = NOW,
) -> ConsentState:
    """Combine sources."""
    return combine(stored, refused, Signals.from_code(said), gpc=gpc, now_ms=now_ms, max_age_ms=YEAR)


# --- every combination ----------------------------------------------------------------------------------------------


def by_the_rules(
    stored: Record | None, refused: Refusal | None, said: Value, *, ad: bool, gpc: bool
) -> tuple[Value, Reason]:
    """Say what one signal is by the published rules, in their own order and words. All signals of a source are alike."""
    if stored is not None and stored.tombstone:
        return D, Reason.WITHDRAWN
    # 1, 2. Of the sources with a time the newest explicit decision wins, a denial wins a tie. A refusal cookie holds
    # no grants.
    decisions: list[tuple[int, int, Value]] = []
    if stored is not None and stored.signals.ad_storage is not U:
        denies = int(stored.signals.ad_storage is D)
        decisions.append((stored.decided_at, denies, stored.signals.ad_storage))
    if refused is not None and refused.signals.ad_storage is D:
        decisions.append((refused.decided_at, 1, D))
    at, _, value = max(decisions, default=(0, 0, U))
    reason = {G: Reason.GRANTED, D: Reason.CONSENT_DENIED, U: Reason.CONSENT_UNKNOWN}[value]
    # 5. Impossible is not granted, under its own reason; only grants expire.
    if value is G and not 0 < at <= NOW + AHEAD:
        value, reason = U, Reason.CONSENT_UNREADABLE
    elif value is G and at < NOW - YEAR:
        value, reason = U, Reason.CONSENT_EXPIRED
    # 3. A source without a time fills in what nobody spoke of, or lowers.
    lowered = {said is D: Reason.CONSENT_DENIED}
    if said is G and reason is Reason.CONSENT_UNKNOWN:
        value, reason = G, Reason.GRANTED
    # 4. GPC denies the ad signals, unless the stored grant was itself given with GPC on.
    by_record = stored is not None and stored.gpc and stored.signals.ad_storage is G
    lowered[gpc and ad and not (by_record and value is G and said is not D)] = Reason.GPC
    if True not in lowered:
        return value, reason
    return D, reason if reason is Reason.CONSENT_UNREADABLE else lowered[True]


def records() -> Iterator[Record | None]:
    """Yield every kind of record."""
    yield None
    moments = (0, NOW - YEAR - 1, NOW - YEAR, NOW - MINUTE, NOW, NOW + AHEAD, NOW + AHEAD + 1)
    for value, at, gpc, tombstone in product(Value, moments, (False, True), (False, True)):
        yield record(four(value), at, gpc=gpc, tombstone=tombstone)


def refusals() -> Iterator[Refusal | None]:
    """Yield every kind of refusal cookie; reading it has put no time into the future."""
    yield None
    for value, at in product(
        Value, (0, NOW - YEAR - 1, NOW - MINUTE - 1, NOW - MINUTE, NOW - MINUTE + 1, NOW)
    ):
        yield Refusal(four(value), at)


def test_every_combination_of_sources_follows_the_rules() -> None:
    """Values and times of each source, before, at and after each other and each limit: some ten thousand states."""
    combinations = 0
    for stored, refused, said, gpc in product(records(), refusals(), Value, (False, True)):
        combinations += 1
        found = combine(stored, refused, four(said), gpc=gpc, now_ms=NOW, max_age_ms=YEAR)
        statistics = by_the_rules(stored, refused, said, ad=False, gpc=gpc)
        ads = by_the_rules(stored, refused, said, ad=True, gpc=gpc)
        place = (stored, refused, said, gpc)
        assert list(zip(found.signals.values(), found.why, strict=True)) == [statistics, ads, ads, ads], place
        assert found.gpc is gpc
    assert combinations == 85 * 19 * 3 * 2


MOMENTS = st.sampled_from(
    [0, NOW - YEAR - 1, NOW - YEAR, NOW - 2 * MINUTE, NOW - MINUTE, NOW, NOW + AHEAD + 1]
)
CODES = st.text("gdu", min_size=4, max_size=4)
RECORDS = st.builds(
    record,
    CODES,
    MOMENTS,
    gpc=st.booleans(),
    tombstone=st.booleans(),
    times=st.tuples(MOMENTS, MOMENTS, MOMENTS, MOMENTS),
)
REFUSALS = st.builds(refusal, CODES, MOMENTS)


def alone(code: str, position: int) -> Signals:
    """Return a state with the value of one position for all four."""
    return four(Signals.from_code(code).values()[position])


@QUICK
@given(st.none() | RECORDS, st.none() | REFUSALS, CODES, st.booleans())
def test_signals_do_not_mix(stored: Record | None, refused: Refusal | None, said: str, gpc: bool) -> None:
    """Each signal is what its own values and its own time make it, whatever the others are."""
    found = state(stored, refused, said, gpc=gpc)
    for position in range(4):
        own = None
        if stored is not None:
            own = replace(
                stored,
                signals=alone(stored.signals.code(), position),
                decided_at=stored.times[position] or stored.decided_at,
                times=(0, 0, 0, 0),
            )
        cookie = None
        if refused is not None:
            cookie = Refusal(alone(refused.signals.code(), position), refused.decided_at)
        value = Signals.from_code(said).values()[position]
        assert (found.signals.values()[position], found.why[position]) == by_the_rules(
            own, cookie, value, ad=position > 0, gpc=gpc
        )


@QUICK
@given(RECORDS, st.integers(NOW - 2 * YEAR, NOW + YEAR))
def test_the_quick_way_for_a_lone_record_is_no_other_way(stored: Record, now_ms: int) -> None:
    """A cookie that says nothing changes nothing, but makes the record go the long way."""
    assert state(stored, now_ms=now_ms) == state(stored, refusal("uuuu", 0), now_ms=now_ms)


@QUICK
@given(st.none() | RECORDS, st.none() | REFUSALS, CODES, st.booleans())
def test_a_signal_is_granted_exactly_where_its_reason_says_so(
    stored: Record | None, refused: Refusal | None, said: str, gpc: bool
) -> None:
    """Decisions read the reasons and vendors are told the values, so the two may never disagree."""
    found = state(stored, refused, said, gpc=gpc)
    for value, reason in zip(found.signals.values(), found.why, strict=True):
        assert (value is G) == (reason is Reason.GRANTED)


@QUICK
@given(st.none() | RECORDS, st.none() | REFUSALS, CODES, st.booleans(), st.integers(0, 3))
def test_one_more_denial_never_grants_anything(
    stored: Record | None, refused: Refusal | None, said: str, gpc: bool, position: int
) -> None:
    """Neither GPC nor a denial by the event or the cookie makes any signal granted that was not."""
    before = state(stored, refused, said, gpc=gpc).signals.values()
    denied = said[:position] + "d" + said[position + 1 :]
    for after in (
        state(stored, refused, denied, gpc=gpc),
        state(stored, refused, said, gpc=True),
        state(stored, Refusal(ALL_DENIED, refused.decided_at if refused else 0), said, gpc=gpc),
    ):
        for was, now in zip(before, after.signals.values(), strict=True):
            assert now is not G or was is G


@QUICK
@given(RECORDS, CODES, st.integers(0, 3 * YEAR))
def test_a_clock_that_steps_never_lengthens_a_grant(stored: Record, said: str, step: int) -> None:
    """Later than its limit a stored grant is over, and before its own time it has not begun."""
    for now_ms in (NOW - step, NOW + step):
        found = state(stored, None, "uuuu", now_ms=now_ms)
        for position in range(4):
            at = stored.times[position] or stored.decided_at
            if found.signals.values()[position] is G:
                assert now_ms - YEAR <= at <= now_ms + AHEAD


# --- cases --------------------------------------------------------------------------------------------------------

GPC, EXPIRED, DENIED = Reason.GPC, Reason.CONSENT_EXPIRED, Reason.CONSENT_DENIED
UNKNOWN, UNREAD, GRANTED = Reason.CONSENT_UNKNOWN, Reason.CONSENT_UNREADABLE, Reason.GRANTED
LONG_AGO = NOW - YEAR - 1

# Title; record, refusal cookie, the event's own consent, GPC; the values, and the reasons of statistics and ad_storage.
CASES: list[tuple[str, Record | None, Refusal | None, str, bool, str, Reason, Reason]] = [
    ("nobody said anything", None, None, "uuuu", False, "uuuu", UNKNOWN, UNKNOWN),
    ("GPC alone: statistics were not spoken of", None, None, "uuuu", True, "uddd", UNKNOWN, GPC),
    ("the event alone grants", None, None, "gggg", False, "gggg", GRANTED, GRANTED),
    ("the event alone grants, under GPC", None, None, "gggg", True, "gddd", GRANTED, GPC),
    ("an event cannot raise a stored denial", record("dddd"), None, "gggg", False, "dddd", DENIED, DENIED),
    ("nor a refusal cookie", None, refusal("dddd"), "gggg", False, "dddd", DENIED, DENIED),
    ("nor renew a grant that has run out", record("gggg", LONG_AGO), None, "gggg", False, "uuuu", EXPIRED, EXPIRED),
    ("it fills in what was not asked", record("guuu"), None, "uggg", False, "gggg", GRANTED, GRANTED),
    ("it lowers a stored grant", record("gggg"), None, "uddd", False, "gddd", GRANTED, DENIED),
    ("a refusal after the grant", record("gggg", NOW - 9), refusal("dddd", NOW - 8), "uuuu", False, "dddd", DENIED, DENIED),
    ("a grant after the refusal", record("gggg", NOW - 8), refusal("dddd", NOW - 9), "uuuu", False, "gggg", GRANTED, GRANTED),
    ("both in one millisecond", record("gggg", NOW - 9), refusal("dddd", NOW - 9), "uuuu", False, "dddd", DENIED, DENIED),
    ("a denial in the record, a newer cookie that grants", record("dddd", NOW - 9), refusal("gggg", NOW), "uuuu", False, "dddd", DENIED, DENIED),
    ("a cookie that grants stands on no id", None, refusal("gggg"), "uuuu", False, "uuuu", UNKNOWN, UNKNOWN),
    ("an old denial still counts", record("dddd", 1), None, "uuuu", False, "dddd", DENIED, DENIED),
    ("an old refusal still counts", None, refusal("dddd", 1), "uuuu", False, "dddd", DENIED, DENIED),
    ("an old refusal against an expired grant", record("gggg", LONG_AGO), refusal("dddd", LONG_AGO - 1), "uuuu", False, "uuuu", EXPIRED, EXPIRED),
    ("GPC against a stored grant", record("gggg"), None, "uuuu", True, "gddd", GRANTED, GPC),
    ("a grant given with GPC on", record("gggg", gpc=True), None, "uuuu", True, "gggg", GRANTED, GRANTED),
    ("given with GPC on, run out since", record("gggg", LONG_AGO, gpc=True), None, "uuuu", True, "uddd", EXPIRED, GPC),
    ("given with GPC on, denied by the event", record("gggg", gpc=True), None, "uddd", True, "gddd", GRANTED, GPC),
    ("statistics given with GPC on; ads by the event", record("guuu", gpc=True), None, "uggg", True, "gddd", GRANTED, GPC),
    ("given with GPC on, refused later", record("gggg", NOW - 9, gpc=True), refusal("dddd", NOW), "uuuu", True, "dddd", DENIED, GPC),
    ("withdrawn, whatever comes after", record("gggg", tombstone=True), None, "gggg", False, "dddd", Reason.WITHDRAWN, Reason.WITHDRAWN),
    ("withdrawn, under GPC", record("dddd", tombstone=True), refusal("dddd"), "dddd", True, "dddd", Reason.WITHDRAWN, Reason.WITHDRAWN),
    ("a grant from the future", record("gggg", NOW + AHEAD + 1), None, "uuuu", False, "uuuu", UNREAD, UNREAD),
    ("a grant from the future, under GPC", record("gggg", NOW + AHEAD + 1), None, "uuuu", True, "uddd", UNREAD, UNREAD),
    ("a grant from the future is no gap to fill", record("gggg", NOW + AHEAD + 1), None, "gggg", False, "uuuu", UNREAD, UNREAD),
    ("a grant from the future, denied by the event", record("gggg", NOW + AHEAD + 1), None, "dddd", False, "dddd", UNREAD, UNREAD),
    ("a grant a little ahead of our clock", record("gggg", NOW + AHEAD), None, "uuuu", False, "gggg", GRANTED, GRANTED),
    ("a grant without a time", record("gggg", 0), None, "uuuu", False, "uuuu", UNREAD, UNREAD),
    ("a denial without a time", record("dddd", 0), None, "gggg", False, "dddd", DENIED, DENIED),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_cases(case: tuple[str, Record | None, Refusal | None, str, bool, str, Reason, Reason]) -> None:
    """The cases by which the rules were made."""
    _, stored, refused, said, gpc, code, statistics, ads = case
    found = state(stored, refused, said, gpc=gpc)
    assert found.signals.code() == code
    assert found.why == (statistics, ads, ads, ads)
    assert found.signals is Signals.from_code(code), "there is one object for each state"


@pytest.mark.parametrize("gpc", [False, True])
@pytest.mark.parametrize("said", ["uuuu", "gggg", "dddd"])
@pytest.mark.parametrize(
    ("stored", "refused"),
    [
        (UNREADABLE, None),
        (None, UNREADABLE),
        (UNREADABLE, UNREADABLE),
        (UNREADABLE, refusal("dddd")),
        (record("gggg"), UNREADABLE),
        (record("gggg", tombstone=True), UNREADABLE),
    ],
)
def test_a_source_that_cannot_be_read_grants_nothing(
    stored: Record | Unreadable | None, refused: Refusal | Unreadable | None, said: str, gpc: bool
) -> None:
    """It may hold a denial, so not even the event's own grant counts, nor what else was stored."""
    found = state(stored, refused, said, gpc=gpc)
    assert found.why == (Reason.CONSENT_UNREADABLE,) * 4
    assert G not in found.signals.values()
    assert found.gpc is gpc


def test_signals_have_times_of_their_own() -> None:
    """Statistics granted long ago and ads today: the one has run out, the others have not."""
    times = (LONG_AGO, NOW - 1, NOW - 1, NOW - 1)
    assert state(record("gggg", NOW - 1, times=times)).signals.code() == "uggg"
    # A cookie written between the two lifts only what is older.
    times = (NOW - 9, NOW - 1, NOW - 1, NOW - 1)
    assert state(record("gggg", NOW - 1, times=times), refusal("dddd", NOW - 5)).signals.code() == "dggg"


def test_a_record_of_another_system_needs_one_time_only() -> None:
    """Where no signal has a time of its own, the record's counts for all of them."""
    assert state(record("gggg", NOW - 1)).signals.code() == "gggg"
    assert state(record("gggg", LONG_AGO)).why == (EXPIRED,) * 4


def test_a_grant_without_a_time_counts_for_no_time_at_all() -> None:
    """However long a site lets grants count."""
    for refused in (None, refusal("uuuu", 0)):
        found = combine(record("gggg", 0), refused, ALL_UNKNOWN, gpc=False, now_ms=NOW, max_age_ms=2 * NOW)
        assert found.why == (UNREAD,) * 4


@pytest.mark.parametrize(
    ("stored", "refused", "said", "gpc", "explicit", "source", "at"),
    [
        (None, None, "uuuu", False, False, "", 0),
        (None, None, "uuuu", True, False, "gpc", 0),
        (None, None, "uduu", False, True, "event", 0),
        (None, None, "uduu", True, True, "event", 0),
        (None, refusal("dddd", 7), "uuuu", False, True, "refusal", 7),
        (record("gggg", 9), None, "uuuu", False, True, "banner", 9),
        (record("gggg", 9), refusal("dddd", 7), "uggg", True, True, "banner", 9),
    ],
)
def test_a_state_tells_where_it_comes_from(
    stored: Record | None, refused: Refusal | None, said: str, gpc: bool, explicit: bool, source: str, at: int
) -> None:
    """Source and time for ``explain``; and whether anybody made a choice, which vendors are told."""
    found = state(stored, refused, said, gpc=gpc)
    assert (found.explicit, found.source, found.decided_at) == (explicit, source, at)


def test_the_constants_of_these_tests_are_what_they_say() -> None:
    """Letters and signals, so that the tables above can be believed."""
    assert four(G) is ALL_GRANTED
    assert four(D) is ALL_DENIED
    assert four(U) is ALL_UNKNOWN
