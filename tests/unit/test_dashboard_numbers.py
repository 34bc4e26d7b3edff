"""Numbers, money and days on the dashboard are written as readers of each language write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dashboard.changes import changed, points_changed
from proxy.dashboard.numbers import Writing, permille_of
from proxy.dashboard.words import words

EN, NB = Writing(words("en")["writing"]), Writing(words("nb")["writing"])


def plain(text: str) -> str:
    """Return a text with ordinary blanks."""
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("number", "english", "norwegian"),
    [(0, "0", "0"), (999, "999", "999"), (1234567, "1,234,567", "1 234 567"), (-1200, "−1,200", "−1 200")],  # noqa: RUF001
)
def test_whole_numbers(number: int, english: str, norwegian: str) -> None:
    """Thousands are parted by a comma in English, by a blank that does not break in Norwegian."""
    assert EN.count(number) == english
    assert plain(NB.count(number)) == norwegian
    assert " " not in NB.count(number)


@pytest.mark.parametrize(
    ("thousandths", "currency", "english", "norwegian"),
    [
        (1_234_567_800, "NOK", "NOK 1,234,567.80", "1 234 567,80 kr"),
        (499_500, "JPY", "JPY 500", "500 JPY"),
        (1_005, "KWD", "KWD 1.005", "1,005 KWD"),
        (-12_340, "EUR", "EUR −12.34", "−12,34 EUR"),  # noqa: RUF001
        (-1, "EUR", "EUR 0.00", "0,00 EUR"),
        (5, "EUR", "EUR 0.01", "0,01 EUR"),
        (1_500, "", "1.50 (no known currency)", "1,50 (uten kjent valuta)"),
    ],
)
def test_money(thousandths: int, currency: str, english: str, norwegian: str) -> None:
    """An amount has its currency's own decimals."""
    assert plain(EN.money(thousandths, currency)) == english
    assert plain(NB.money(thousandths, currency)) == norwegian


@pytest.mark.parametrize(
    ("part", "whole", "english"),
    [
        (1, 3, "33.3%"),
        (0, 5, "0.0%"),
        (5, 5, "100.0%"),
        (9999, 10000, "99.9%"),
        (1, 100_000, "0.1%"),
        (0, 0, "\u2013"),
    ],
)
def test_shares(part: int, whole: int, english: str) -> None:
    """All and nothing are said only of all and nothing."""
    assert EN.share(part, whole) == english


def test_days() -> None:
    """Days are written out, with the year once."""
    first, last = date(2026, 10, 26), date(2026, 11, 22)
    assert EN.span(first, last) == "26 October – 22 November 2026"  # noqa: RUF001
    assert NB.span(first, last) == "26. oktober – 22. november 2026"  # noqa: RUF001
    assert EN.span(date(2025, 12, 31), date(2026, 1, 1)) == "31 December 2025 – 1 January 2026"  # noqa: RUF001
    assert EN.span(last.replace(day=1), last) == "1–22 November 2026"  # noqa: RUF001
    assert NB.span(last.replace(day=1), last) == "1.–22. november 2026"  # noqa: RUF001
    assert NB.span(date(2025, 11, 1), last) == "1. november 2025 – 22. november 2026"  # noqa: RUF001
    assert NB.span(last, last) == "22. november 2026"
    assert (EN.table_day(last), NB.table_day(last)) == (
        "Sun\N{NO-BREAK SPACE}22 Nov 2026",
        "søn.\N{NO-BREAK SPACE}22.11.2026",
    )
    assert NB.weekday(last) == "søndag 22. november"


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_is_never_more_than_all(part: int, whole: int) -> None:
    """A part's share lies between nothing and all, and reaches neither without being it."""
    part = min(part, whole)
    share = permille_of(part, whole)
    assert 0 <= share <= 1000
    assert (share == 0) == (part == 0)
    assert (share == 1000) == (part == whole)


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (12, 10, "2 more (+20.0%) than before: 10"),
        (8, 10, "2 fewer (−20.0%) than before: 10"),  # noqa: RUF001
        (10, 10, "As many as before: 10"),
        (7, 0, "7 more than before: none"),
        (0, 10, "10 fewer (−100.0%) than before: 10"),  # noqa: RUF001
        (0, 0, "As many as before: 0"),
    ],
)
def test_a_change_is_said_in_words_and_sign(now: int, before: int, said: str) -> None:
    """Nobody needs a colour to see which way a number went."""
    text = words("en")["tiles"]["changes"]
    assert changed(now, before, text, EN, EN.count).words == said


def test_a_share_changes_by_points() -> None:
    """The difference of two shares is in percentage points, not in percent."""
    text = words("en")["tiles"]["changes"]
    assert points_changed(600, 575, text, EN).words == "2.5 percentage points more than before: 57.5%"
