"""Which days a query of the dashboard means, and what is answered to one that means nothing."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dashboard.period import Compare, Period, Span, compared, span_of
from proxy.dashboard.question import Mistake, QuestionError, read_question

TODAY = date(2026, 11, 22)
SITES = {"shop": frozenset({"purchase", "sign_up"}), "outlet": frozenset({"purchase"})}
CASES = [
    (Period.TODAY, "2026-11-22", "2026-11-22", "2026-11-21", "2026-11-21", "2025-11-22"),
    (Period.YESTERDAY, "2026-11-21", "2026-11-21", "2026-11-20", "2026-11-20", "2025-11-21"),
    (Period.WEEK, "2026-11-16", "2026-11-22", "2026-11-09", "2026-11-15", "2025-11-16"),
    (Period.FOUR_WEEKS, "2026-10-26", "2026-11-22", "2026-09-28", "2026-10-25", "2025-10-26"),
    (Period.QUARTER, "2026-08-25", "2026-11-22", "2026-05-27", "2026-08-24", "2025-08-25"),
    (Period.MONTH, "2026-11-01", "2026-11-22", "2026-10-01", "2026-10-22", "2025-11-01"),
    (Period.LAST_MONTH, "2026-10-01", "2026-10-31", "2026-09-01", "2026-09-30", "2025-10-01"),
    (Period.THIRTEEN_MONTHS, "2025-11-01", "2026-11-22", "2024-10-10", "2025-10-31", "2024-11-01"),
]


@pytest.mark.parametrize(("period", "first", "last", "before", "until", "year"), CASES)
def test_periods(period: Period, first: str, last: str, before: str, until: str, year: str) -> None:
    """Each period has its days, the days before it, and the same days of last year."""
    span = span_of(period, TODAY)
    assert (span.first.isoformat(), span.last.isoformat()) == (first, last)
    previous = compared(span, period, Compare.PREVIOUS)
    assert previous is not None
    assert (previous.first.isoformat(), previous.last.isoformat()) == (before, until)
    earlier = compared(span, period, Compare.YEAR)
    assert earlier is not None
    assert earlier.first.isoformat() == year
    assert compared(span, period, Compare.NONE) is None


def test_months_of_different_lengths() -> None:
    """31 March is compared with all of February; a 29 February with the 28th of the year before."""
    march = span_of(Period.MONTH, date(2028, 3, 31))
    assert compared(march, Period.MONTH, Compare.PREVIOUS) == Span(date(2028, 2, 1), date(2028, 2, 29))
    leap = Span(date(2028, 2, 29), date(2028, 2, 29))
    assert compared(leap, Period.CUSTOM, Compare.YEAR) == Span(date(2027, 2, 28), date(2027, 2, 28))


@given(st.dates(date(2001, 1, 1), date(2090, 1, 1)), st.sampled_from([*Period]), st.sampled_from([*Compare]))
def test_a_span_ends_today_at_the_latest_and_is_compared_with_earlier_days(
    today: date, period: Period, compare: Compare
) -> None:
    """Whatever day it is: no period reaches into the future, and no comparison into the period."""
    if period is Period.CUSTOM:
        return
    span = span_of(period, today)
    assert span.first <= span.last <= today
    before = compared(span, period, compare)
    if before is not None:
        assert before.first <= before.last
        if compare is Compare.PREVIOUS:
            assert before.last < span.first


def test_what_is_not_asked_takes_its_default() -> None:
    """Without a query: the first site, 28 days, all conversions, compared with the days before."""
    question = read_question({}, SITES, TODAY, "en")
    assert (question.site, question.period, question.event) == ("shop", Period.FOUR_WEEKS, None)
    assert question.compare is Compare.PREVIOUS
    assert question.form == "html"


def test_days_of_ones_own() -> None:
    """From and to count where the period is custom, or not said."""
    days = {"from": "2026-05-01", "to": "2026-05-17"}
    assert read_question(days, SITES, TODAY, "en").span == Span(date(2026, 5, 1), date(2026, 5, 17))
    assert read_question({**days, "period": "today"}, SITES, TODAY, "en").span.first == TODAY


@pytest.mark.parametrize(
    ("period", "first", "last", "shown", "found"),
    [
        ("28d", "2026-11-01", "2026-11-22", "28d 2026-10-26 2026-11-22", "custom"),
        ("28d", "2026-10-26", "2026-11-22", "28d 2026-10-26 2026-11-22", "28d"),
        ("7d", "2026-10-26", "2026-11-22", "28d 2026-10-26 2026-11-22", "7d"),
        ("custom", "2026-10-26", "2026-11-22", "28d 2026-10-26 2026-11-22", "custom"),
        ("7d", "2026-05-01", "2026-05-17", "custom 2026-05-01 2026-05-17", "7d"),
        ("28d", "", "2026-11-22", "28d 2026-10-26 2026-11-22", "28d"),
        ("28d", "2026-11-01", "2026-11-22", "nonsense", "28d"),
        ("28d", "2026-11-01", "2026-11-22", "", "28d"),
    ],
)
def test_who_changes_the_days_in_the_form_means_them(
    period: str, first: str, last: str, shown: str, found: str
) -> None:
    """Without having to choose "other days" first; a newly chosen period counts more than the days of the last."""
    query = {"period": period, "from": first, "to": last, "shown": shown}
    question = read_question(query, SITES, TODAY, "en")
    assert question.period == found
    assert (str(question.span.first) == first) == (
        found == "custom" or (period, first) == ("28d", "2026-10-26")
    )
    assert read_question({"period": found, "from": first, "to": last}, SITES, TODAY, "en") == question
    assert question.shown == f"{found} {question.span.first} {question.span.last}"


@pytest.mark.parametrize(
    ("query", "mistake", "status"),
    [
        ({"site": "nowhere"}, Mistake.SITE, 404),
        ({"site": "outlet", "event": "sign_up"}, Mistake.EVENT, 404),
        ({"period": "8d"}, Mistake.PERIOD, 400),
        ({"compare": "never"}, Mistake.COMPARE, 400),
        ({"format": "pdf"}, Mistake.FORMAT, 400),
        ({"period": "custom"}, Mistake.DAYS, 400),
        ({"from": "2026-05-17", "to": "2026-05-01"}, Mistake.DAYS, 400),
        ({"from": "17.05.2026", "to": "18.05.2026"}, Mistake.DAYS, 400),
        ({"from": "20260501", "to": "20260502"}, Mistake.DAYS, 400),
        ({"from": "0001-01-01", "to": "2026-05-17"}, Mistake.DAYS, 400),
        ({"from": "2026-11-01", "to": "2026-11-23"}, Mistake.FUTURE, 400),
        ({"from": "2025-01-01", "to": "2026-11-01"}, Mistake.LONG, 400),
    ],
)
def test_what_cannot_be_answered(query: dict[str, str], mistake: Mistake, status: int) -> None:
    """A query that means nothing is refused with what is wrong about it."""
    with pytest.raises(QuestionError) as caught:
        read_question(query, SITES, TODAY, "en")
    assert caught.value.mistake is mistake
    assert caught.value.status == status


@given(
    st.dictionaries(
        st.sampled_from(["site", "period", "from", "to", "event", "compare", "format", "source"]), st.text()
    )
)
def test_no_query_breaks_it(query: dict[str, str]) -> None:
    """Whatever is asked: a question or a mistake, nothing else."""
    try:
        question = read_question(query, SITES, TODAY, "en")
    except QuestionError:
        return
    assert question.span.last <= TODAY


def test_a_question_leads_to_itself() -> None:
    """The address that a question makes asks the same again; one word changes it into a file."""
    query = {
        "site": "shop",
        "from": "2026-05-01",
        "to": "2026-05-17",
        "source": "a&b=c d",
        "event": "purchase",
    }
    question = read_question(query, SITES, TODAY, "nb")
    assert question.link() == (
        "/dashboard?site=shop&period=custom&from=2026-05-01&to=2026-05-17&compare=previous"
        "&event=purchase&source=a%26b%3Dc+d&lang=nb"
    )
    assert question.link(format="csv") == question.link() + "&format=csv"
