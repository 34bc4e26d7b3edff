"""Conversions per day: the figure, and the same as a table. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from proxy.dashboard.figures import Bar, ceiling, days_chart
from proxy.dashboard.known import Known
from proxy.dashboard.numbers import DASH, Writing
from proxy.dashboard.words import Said
from proxy.report.model import DayCount, Money

_MOST_LABELS = 5


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day in words; ``then`` and ``before`` are of the day that it is compared with, empty if there is none."""

    day: str
    conversions: str
    duplicates: str
    value: str
    then: str
    before: str


@dataclass(frozen=True, slots=True)
class DaysView:
    """The figure and the table."""

    figure: Markup
    rows: Sequence[DayRow]
    compared: bool


def days_view(known: Known, said: Said, writing: Writing) -> DaysView:
    """Return conversions per day."""
    days = known.report.days
    others: Sequence[DayCount] = known.before.days if known.before is not None else ()
    pairs = [(one, others[at] if at < len(others) else None) for at, one in enumerate(days)]
    most = max((one.conversions for one in (*days, *others[: len(days)])), default=0)
    top = ceiling(most)
    lines = [0, top] if top % 2 else [0, top // 2, top]
    figure = days_chart(
        [
            Bar(one.conversions, None if then is None else then.conversions, _hint(one, then, said, writing))
            for one, then in pairs
        ],
        list(axis([one.day for one in days], writing)),
        _name(known, said, writing),
        [(number, writing.count(number) if number else "") for number in lines],
    )
    return DaysView(figure, [_row(one, then, writing) for one, then in pairs], bool(others))


def axis(days: Sequence[date], writing: Writing) -> Iterator[tuple[int, str]]:
    """Yield which days have a label below the axis: the first, the last, and some between them, evenly."""
    last = len(days) - 1
    step = max(-(-last // (_MOST_LABELS - 1)), 1)
    # The last day has a label in any case, and none right beside it.
    places = [at for at in range(0, last, step) if last - at >= step * 0.7] + [last] if days else []
    years = bool(days) and days[0].year != days[-1].year
    for at in places:
        day = days[at]
        yield (
            at,
            f"{writing.short_day(day)} {day.year}" if years and at in {0, last} else writing.short_day(day),
        )


def _hint(one: DayCount, then: DayCount | None, said: Said, writing: Writing) -> str:
    number, day = writing.count(one.conversions), writing.day(one.day)
    if then is None:
        return str(said["days"]["hint"].format(day=day, number=number))
    return str(
        said["days"]["hint_before"].format(
            day=day, number=number, then=writing.day(then.day), before=writing.count(then.conversions)
        )
    )


def _name(known: Known, said: Said, writing: Writing) -> str:
    report = known.report
    span = writing.span(report.first, report.last)
    if not report.conversions:
        return str(said["days"]["figure_none"].format(span=span))
    best = max(report.days, key=lambda one: one.conversions)
    return str(
        said["days"]["figure"].format(
            span=span,
            total=writing.count(report.conversions),
            day=writing.short_day(best.day),
            most=writing.count(best.conversions),
        )
    )


def _row(one: DayCount, then: DayCount | None, writing: Writing) -> DayRow:
    return DayRow(
        writing.table_day(one.day),
        writing.count(one.conversions),
        writing.count(one.duplicates),
        amounts(one.value, writing),
        writing.table_day(then.day) if then is not None else "",
        writing.count(then.conversions) if then is not None else "",
    )


def amounts(value: Money, writing: Writing) -> str:
    """Write amounts in several currencies, the highest first; a dash for none."""
    ordered = sorted(value.items(), key=lambda pair: (-pair[1], pair[0]))
    return " + ".join(writing.money(amount, currency) for currency, amount in ordered) or DASH
