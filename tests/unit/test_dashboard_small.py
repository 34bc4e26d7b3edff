"""The small-number rule: no small count of a campaign or of an answer is shown, or follows from what is shown.

The reader is taken to know the sums that the page shows anyway: all conversions, and each day's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dashboard.answers_by_day import answers_by_day
from proxy.dashboard.small import CONSENT_REASONS, Answers, clicks_shown, publish, reasons, split, split_rows
from proxy.reasons import Reason
from proxy.report.model import CampaignCount, Consented, DayCount

SMALLEST = 5
ALL, STATISTICS, ADS, DENIED, UNKNOWN = Consented
number = st.one_of(st.integers(0, 7), st.integers(0, 60))
counts = st.dictionaries(st.sampled_from([*Consented]), number)
rows = st.lists(counts, min_size=1, max_size=9)
quick = settings(max_examples=100, deadline=None)


def small(count: int) -> bool:
    """Tell whether a count is to be hidden."""
    return 0 < count < SMALLEST


def together(answers: Sequence[Answers]) -> dict[Consented, Answers]:
    """Return where each answer is shown."""
    return {kind: one for one in answers for kind in one.kinds}


# --- answers over all ---------------------------------------------------------------------------------------------------


def test_answers_that_are_common_are_shown_one_by_one() -> None:
    """Where nothing is small, nothing is hidden; what nobody answered is nothing."""
    shown = split({ALL: 50, DENIED: 20, UNKNOWN: 5}, SMALLEST)
    assert [(one.kinds, one.conversions) for one in shown] == [
        ((ALL,), 50),
        ((STATISTICS,), 0),
        ((ADS,), 0),
        ((DENIED,), 20),
        ((UNKNOWN,), 5),
    ]


def test_one_small_answer_takes_another_with_it() -> None:
    """Alone, it would follow from the sum."""
    shown = together(split({ALL: 50, DENIED: 20, UNKNOWN: 2}, SMALLEST))
    assert shown[UNKNOWN] == Answers((DENIED, UNKNOWN), 22)
    assert shown[ALL] == Answers((ALL,), 50)


def test_a_handful_of_conversions_is_not_split() -> None:
    """Of fewer than five in all, no answer is told."""
    assert split({ALL: 3, DENIED: 1}, SMALLEST) == (Answers(tuple(Consented), 4),)


@quick
@given(counts, st.integers(0, 12))
def test_no_small_answer_is_shown_or_follows(found: dict[Consented, int], smallest: int) -> None:
    """A small answer is in a group with another one, in which the two could be any numbers."""
    shown = split(found, smallest)
    total = sum(found.values())
    assert sum(one.conversions for one in shown) == total
    assert sorted(kind for one in shown for kind in one.kinds) == sorted(Consented)
    for kind, count in found.items():
        if 0 < count < smallest:
            group = together(shown)[kind]
            assert len(group.kinds) > 1
            assert group.conversions >= min(smallest, total)


# --- answers by day -----------------------------------------------------------------------------------------------------


def could_be_otherwise(cells: Sequence[Sequence[int]], hidden: Sequence[int], day: int, one: int) -> bool:
    """Tell whether a hidden cell could have another value: two hidden days may swap a conversion of two answers."""
    for other in hidden:
        for another in range(len(cells[day])):
            if other == day or another == one:
                continue
            if cells[day][one] and cells[other][another]:
                return True  # one less here, one more of the other answer
            if cells[day][another] and cells[other][one]:
                return True  # one more here
    return False


@quick
@given(rows)
def test_no_small_answer_of_a_day_is_shown_or_follows(days: list[dict[Consented, int]]) -> None:
    """With all sums known, by day and by answer, each hidden small cell could still be another."""
    total = {kind: sum(day.get(kind, 0) for day in days) for kind in Consented}
    answers = split(total, SMALLEST)
    shown = split_rows(days, answers, SMALLEST)
    cells = [[sum(day.get(kind, 0) for kind in one.kinds) for one in answers] for day in days]
    if shown is None:
        return
    hidden = [at for at, row in enumerate(shown) if row is None]
    for at, row in enumerate(cells):
        visible = shown[at]
        if visible is not None:
            assert list(visible) == row
            assert not any(small(count) for count in row)
            continue
        for one, count in enumerate(row):
            if small(count):
                assert could_be_otherwise(cells, hidden, at, one)
    for one in range(len(answers)):
        assert not small(sum(cells[at][one] for at in hidden))


@quick
@given(rows, st.integers(2, 8))
def test_the_table_over_time_tells_no_small_answer(days: list[dict[Consented, int]], smallest: int) -> None:
    """By day, week or month, whichever is chosen: no cell is small, and the sums of the hidden ones are not either."""
    first = date(2026, 10, 28)
    spread = [
        DayCount(first + timedelta(4 * at), sum(day.values()), consent=day) for at, day in enumerate(days)
    ]
    total = {kind: sum(day.get(kind, 0) for day in days) for kind in Consented}
    answers = split(total, smallest)
    table = answers_by_day(spread, answers, smallest)
    if table is None:
        return
    assert sum(row.conversions for row in table.rows) == sum(total.values())
    for at, one in enumerate(table.answers):
        cells = [row.cells[at] for row in table.rows if row.cells is not None]
        assert not any(0 < cell < smallest for cell in cells)
        assert not 0 < one.conversions - sum(cells) < smallest
        # Only answers that are shown together over all are shown here, and none apart that is not apart there.
        assert all(
            set(group.kinds) <= set(one.kinds) or set(group.kinds).isdisjoint(one.kinds) for group in answers
        )
    assert sum(row.cells is None for row in table.rows) != 1


def test_a_day_with_a_small_answer_is_not_hidden_alone() -> None:
    """Alone, its answers would follow from the sums of the others."""
    days = [{ALL: 20, DENIED: 10}, {ALL: 30, DENIED: 2}, {ALL: 40, DENIED: 9}]
    answers = split({ALL: 90, DENIED: 21}, SMALLEST)
    shown = split_rows(days, answers, SMALLEST)
    assert shown is not None
    assert [row is None for row in shown] == [True, True, False]


def test_days_are_not_split_where_all_answered_the_same() -> None:
    """What each day's visitors answered would follow from the answer of all."""
    days: list[Mapping[Consented, int]] = [{ALL: 20}, {ALL: 3}]
    assert split_rows(days, split({ALL: 23}, SMALLEST), SMALLEST) is None


def test_days_of_one_answer_do_not_break_it() -> None:
    """However many days could join the small one: they would all say the same."""
    days: list[Mapping[Consented, int]] = [{ALL: 1}, {ALL: 4}, {ALL: 5}]
    assert split_rows(days, split({ALL: 10}, SMALLEST), SMALLEST) is None


def test_rare_answers_are_put_together_before_days_are() -> None:
    """A shop with few answers of one kind a day still sees its days."""
    day = {ALL: 30, STATISTICS: 4, ADS: 1, DENIED: 12, UNKNOWN: 3}
    days = [DayCount(date(2026, 11, 1) + timedelta(at), 50, consent=day) for at in range(14)]
    total = {kind: 14 * count for kind, count in day.items()}
    table = answers_by_day(days, split(total, SMALLEST), SMALLEST)
    assert table is not None
    assert table.unit == "day"
    assert [one.kinds for one in table.answers] == [(ALL,), (STATISTICS, ADS, UNKNOWN), (DENIED,)]
    assert all(row.cells == (30, 8, 12) for row in table.rows)


# --- reasons ------------------------------------------------------------------------------------------------------------


@quick
@given(st.dictionaries(st.sampled_from([*Reason]), number))
def test_no_reason_tells_a_small_number_of_answers(found: dict[Reason, int]) -> None:
    """Reasons that are answers are put together where one is small; the account still adds up; others stay."""
    shown = reasons(found, SMALLEST)
    assert sum(count for _, count in shown) == sum(found.values())
    named = {why: count for why, count in shown if why is not None}
    assert not any(small(count) for why, count in named.items() if why in CONSENT_REASONS)
    assert all(named[why] == count for why, count in found.items() if count and why not in CONSENT_REASONS)
    answers = [count for why, count in found.items() if why in CONSENT_REASONS]
    unnamed = sum(count for why, count in shown if why is None)
    assert unnamed == 0 or unnamed >= SMALLEST or unnamed == sum(answers)


# --- campaigns ----------------------------------------------------------------------------------------------------------

campaign = st.builds(
    CampaignCount,
    st.sampled_from(["google", "news", ""]),
    st.sampled_from(["cpc", ""]),
    st.sampled_from(["a", "b", "c", "d", ""]),
    number,
    st.just({"NOK": 100}),
    st.just(0),
)
campaigns = st.lists(campaign, max_size=12, unique_by=lambda one: (one.source, one.medium, one.campaign))


@quick
@given(campaigns, number)
def test_no_small_campaign_is_shown_or_follows(found: list[CampaignCount], rest: int) -> None:
    """Each row has nothing or enough, whole sources too; small campaigns are in rows that others share."""
    if rest:
        found = [*found, CampaignCount("", "", "", rest, {"NOK": 100}, 0, other=True)]
    shown = publish(found, SMALLEST)
    total = sum(one.conversions for one in found)
    assert sum(row.conversions for row in shown) == total
    if total < SMALLEST:
        assert all(row.source is None for row in shown)
        return
    assert not any(small(row.conversions) for row in shown)
    assert len({(row.source, row.medium, row.campaign) for row in shown}) == len(shown)
    named = {(row.source, row.medium, row.campaign): row for row in shown if row.campaign is not None}
    for one in found:
        row = named.get((one.source, one.medium, one.campaign))
        if not one.other and row is not None:
            assert row.conversions == one.conversions
        elif small(one.conversions) and not one.other:
            place = [
                row
                for row in shown
                if row.campaign is None and row.source == one.source and row.medium == one.medium
            ]
            shared = place or [row for row in shown if row.source is None]
            assert shared[0].conversions > one.conversions


def test_a_source_that_is_small_as_a_whole_is_not_named() -> None:
    """Its conversions are among all others; so that they do not stand there alone, another source joins them."""
    found = [
        CampaignCount("google", "cpc", "a", 40, {}, 0),
        CampaignCount("news", "email", "b", 8, {}, 0),
        CampaignCount("kari", "link", "to-kari", 2, {}, 0),
    ]
    shown = publish(found, SMALLEST)
    assert [(row.source, row.campaign, row.conversions) for row in shown] == [
        ("google", "a", 40),
        (None, None, 10),
    ]


def test_a_source_keeps_its_small_campaigns_together() -> None:
    """A source is not lost for its small campaigns."""
    found = [CampaignCount("google", "cpc", name, n, {}, 0) for name, n in (("a", 40), ("b", 4), ("c", 3))]
    assert [(row.campaign, row.conversions) for row in publish(found, SMALLEST)] == [("a", 40), (None, 7)]


@quick
@given(campaigns)
def test_a_narrower_view_tells_no_more(found: list[CampaignCount]) -> None:
    """Rows of one source are rows of the whole: what two views share cannot be taken off to leave a small rest."""
    shown = publish(found, SMALLEST)
    if sum(one.conversions for one in found) < SMALLEST:
        return
    for source in ("google", "news", ""):
        some = [row for row in shown if row.source == source]
        for length in range(1, min(len(some), 3) + 1):
            for chosen in combinations(some, length):
                assert not small(sum(row.conversions for row in chosen))
                rest = sum(row.conversions for row in shown) - sum(row.conversions for row in chosen)
                assert not small(rest)


def test_clicks_are_told_only_of_many() -> None:
    """Neither those with a click id nor those without may be few."""
    (row,) = publish([CampaignCount("google", "cpc", "a", 20, {}, 10)], SMALLEST)
    told = {clicks: clicks_shown(replace(row, clicks=clicks), SMALLEST) for clicks in (0, 1, 5, 15, 16, 20)}
    assert told == {0: True, 1: False, 5: True, 15: True, 16: False, 20: True}


def test_nothing_is_small_where_the_rule_is_off() -> None:
    """``small_cells = 0`` shows everything."""
    assert split({ALL: 1, DENIED: 2}, 0)[0] == Answers((ALL,), 1)
    assert split_rows([{ALL: 1}], split({ALL: 1}, 0), 0) == [(1, 0, 0, 0, 0)]
    (row,) = publish([CampaignCount("google", "cpc", "a", 1, {}, 1)], 0)
    assert row.campaign == "a"
    assert reasons({Reason.GPC: 1}, 0) == [(Reason.GPC, 1)]
