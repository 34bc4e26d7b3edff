"""Visitors' answers over time: by day where there are enough conversions, else by week or month, or fewer answers apart.

Small counts are hidden with whole days (``proxy.dashboard.small``). So that more than holes is left of a rare answer,
rare answers are put together first, then days. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from proxy.dashboard.small import Answers, Counts, split_rows
from proxy.report.model import Consented, DayCount

MOST_DAYS: Final = 92
"""More are not shown one by one."""
_MOST_HIDDEN: Final = 0.2
"""The share of conversions in hidden days from which a coarser table is tried."""


class Unit(StrEnum):
    """What a row stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Row:
    """The conversions of a day, week or month, by its first day in the span; ``cells`` None: hidden."""

    first: date
    conversions: int
    cells: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class AnswersByDay:
    """Rows of one unit, with a cell for each of the answers."""

    unit: Unit
    answers: tuple[Answers, ...]
    rows: tuple[Row, ...]


def answers_by_day(
    days: Sequence[DayCount], answers: Sequence[Answers], smallest: int
) -> AnswersByDay | None:
    """Return the finest table of which little is hidden; None if there is nothing that may be told.

    Args:
        days: the span.
        answers: how the whole span is split.
        smallest: the smallest count that is not small.
    """
    best: tuple[float, AnswersByDay] | None = None
    for unit in Unit:
        if unit is Unit.DAY and len(days) > MOST_DAYS:
            continue
        periods = _by(unit, days)
        if len(periods) < 2:
            break
        groups = tuple(one for one in answers if one.conversions)
        while len(groups) > 1:
            found = _table(unit, periods, groups, smallest)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
            if best is not None and best[0] <= _MOST_HIDDEN:
                return best[1]
            groups = _coarser(groups)
    return best[1] if best is not None else None


def _by(unit: Unit, days: Sequence[DayCount]) -> list[tuple[date, Counts]]:
    """Add days up to rows."""
    rows: dict[date, tuple[date, dict[Consented, int]]] = {}
    for one in days:
        name = _row_of(unit, one.day)
        _, counts = rows.setdefault(name, (one.day, {}))
        for kind, number in one.consent.items():
            counts[kind] = counts.get(kind, 0) + number
    return list(rows.values())


def _row_of(unit: Unit, day: date) -> date:
    match unit:
        case Unit.DAY:
            return day
        case Unit.WEEK:
            return day - timedelta(day.weekday())
        case Unit.MONTH:
            return day.replace(day=1)


def _table(
    unit: Unit, periods: Sequence[tuple[date, Counts]], groups: tuple[Answers, ...], smallest: int
) -> tuple[float, AnswersByDay] | None:
    """Return the table and which share of the conversions is in its hidden rows; None if it is all hidden."""
    cells = split_rows([counts for _, counts in periods], groups, smallest)
    if cells is None:
        return None
    rows = tuple(
        Row(day, sum(counts.values()), row) for (day, counts), row in zip(periods, cells, strict=True)
    )
    hidden = sum(row.conversions for row in rows if row.cells is None)
    share = hidden / max(sum(row.conversions for row in rows), 1)
    return (share, AnswersByDay(unit, groups, rows)) if share < 1 else None


def _coarser(groups: tuple[Answers, ...]) -> tuple[Answers, ...]:
    """Put the two rarest answers together."""
    first, second = sorted(groups, key=lambda one: one.conversions)[:2]
    kinds = tuple(kind for kind in Consented if kind in {*first.kinds, *second.kinds})
    merged = Answers(kinds, first.conversions + second.conversions)
    found = [merged if one is first else one for one in groups if one is not second]
    return tuple(sorted(found, key=lambda one: list(Consented).index(one.kinds[0])))
