"""Which days a reader asks for, and which to compare them with. Pure: today is given."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Period(StrEnum):
    """The spans that the page offers. Those with a number of days end with today."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "7d"
    FOUR_WEEKS = "28d"
    QUARTER = "90d"
    MONTH = "month"
    LAST_MONTH = "last_month"
    THIRTEEN_MONTHS = "13m"
    CUSTOM = "custom"


class Compare(StrEnum):
    """What a span is compared with."""

    PREVIOUS = "previous"
    """As many days right before; for months, the month before."""
    YEAR = "year"
    """The same days a year earlier."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


_LENGTHS = {Period.WEEK: 7, Period.FOUR_WEEKS: 28, Period.QUARTER: 90}


def span_of(period: Period, today: date) -> Span:
    """Return the days of a period.

    Raises:
        ValueError: it is ``CUSTOM``, whose days the reader names.
    """
    match period:
        case Period.TODAY:
            return Span(today, today)
        case Period.YESTERDAY:
            return Span(today - timedelta(1), today - timedelta(1))
        case Period.WEEK | Period.FOUR_WEEKS | Period.QUARTER:
            return Span(today - timedelta(_LENGTHS[period] - 1), today)
        case Period.MONTH:
            return Span(today.replace(day=1), today)
        case Period.LAST_MONTH:
            end = today.replace(day=1) - timedelta(1)
            return Span(end.replace(day=1), end)
        case Period.THIRTEEN_MONTHS:
            return Span(_earlier(today.replace(day=1), 1), today)
        case Period.CUSTOM:
            raise ValueError("its days are the reader's to name")


def compared(span: Span, period: Period, compare: Compare) -> Span | None:
    """Return the days to compare a span with; None if it is to be compared with nothing."""
    match compare:
        case Compare.NONE:
            return None
        case Compare.YEAR:
            return Span(_earlier(span.first, 1), _earlier(span.last, 1))
        case Compare.PREVIOUS if period is Period.LAST_MONTH:
            return span_of(Period.LAST_MONTH, span.first)
        case Compare.PREVIOUS if period is Period.MONTH:
            before = span_of(Period.LAST_MONTH, span.first)
            return Span(before.first, min(before.last, before.first + timedelta(span.length - 1)))
        case Compare.PREVIOUS:
            return Span(span.first - timedelta(span.length), span.first - timedelta(1))


def _earlier(day: date, years: int) -> date:
    """Return the same day some years earlier; for a 29 February that is not there, the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
