"""What the visitors of the conversions had answered: over all, and over time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from proxy.dashboard.answers_by_day import Unit, answers_by_day
from proxy.dashboard.figures import Part, share_bar, shares_chart, swatch
from proxy.dashboard.known import Known
from proxy.dashboard.numbers import Writing
from proxy.dashboard.small import Answers, split
from proxy.dashboard.view_days import axis
from proxy.dashboard.words import Said
from proxy.report.model import Consented


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer, or several together."""

    swatch: Markup
    label: str
    conversions: str
    share: str


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A day, week or month; ``cells`` None: hidden."""

    label: str
    conversions: str
    cells: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class DaysOfAnswers:
    """Answers over time. ``unit`` is what a row is called; ``legend`` has a swatch and a name for each answer."""

    title: str
    unit: str
    figure: Markup
    legend: Sequence[tuple[Markup, str]]
    rows: Sequence[PeriodRow]
    some_hidden: bool


@dataclass(frozen=True, slots=True)
class ConsentView:
    """Answers over all, and over time. ``note`` says what is not shown, and why."""

    figure: Markup | None
    answers: Sequence[AnswerRow]
    note: str
    days: DaysOfAnswers | None
    hidden: str
    late: str
    late_share: str


def late_shown(late: int, smallest: int) -> bool:
    """Tell whether the number of late answers may be told."""
    return not 0 < late < smallest


def consent_view(known: Known, said: Said, writing: Writing) -> ConsentView:
    """Return what the visitors had answered."""
    text, report, smallest = said["consent"], known.report, known.rules.smallest
    answers = split(report.consent, smallest)
    total = report.conversions
    rows = [_answer(one, total, said, writing) for one in answers]
    shown = [(one, row) for one, row in zip(answers, rows, strict=True) if one.conversions]
    figure = None
    if total:
        parts = "; ".join(f"{row.label}: {row.conversions} ({row.share})" for _, row in shown)
        figure = share_bar([_part(one, row) for one, row in shown], text["figure"].format(parts=parts))
    note = ""
    if any(len(one.kinds) > 1 for one in answers):
        note = text["too_few" if total < smallest else "together_note"].format(smallest=smallest)
    late = (
        writing.count(report.late)
        if late_shown(report.late, smallest)
        else text["fewer"].format(smallest=smallest)
    )
    late_share = writing.share(report.late, total) if total and late_shown(report.late, smallest) else ""
    return ConsentView(
        figure=figure,
        answers=rows,
        note=note,
        days=_days(known, answers, said, writing),
        hidden=text["hidden"].format(smallest=smallest),
        late=late,
        late_share=late_share,
    )


def _days(known: Known, answers: Sequence[Answers], said: Said, writing: Writing) -> DaysOfAnswers | None:
    """Return the answers over time, if that may be told."""
    report, text = known.report, said["consent"]
    table = answers_by_day(report.days, answers, known.rules.smallest)
    if table is None:
        return None
    heads = [_short(one, said) for one in table.answers]
    rows = [
        PeriodRow(
            _named(row.first, table.unit, writing),
            writing.count(row.conversions),
            None if row.cells is None else [writing.count(number) for number in row.cells],
        )
        for row in table.rows
    ]
    columns = [
        None
        if row.cells is None
        else [
            Part(kind_of(one), number, f"{shown.label}, {head}: {writing.count(number)}")
            for one, head, number in zip(table.answers, heads, row.cells, strict=True)
        ]
        for row, shown in zip(table.rows, rows, strict=True)
    ]
    span = writing.span(report.first, report.last)
    figure = shares_chart(
        columns,
        list(axis([row.first for row in table.rows], writing)),
        text["figures"][table.unit].format(span=span),
        text["hidden"].format(smallest=known.rules.smallest),
    )
    legend = [(swatch(kind_of(one)), head) for one, head in zip(table.answers, heads, strict=True)]
    hidden = any(row.cells is None for row in table.rows)
    return DaysOfAnswers(text["per"][table.unit], text["units"][table.unit], figure, legend, rows, hidden)


def _named(first: date, unit: Unit, writing: Writing) -> str:
    return writing.month(first) if unit is Unit.MONTH else writing.table_day(first)


def kind_of(answers: Answers) -> str:
    """Return the look of an answer in the figures."""
    return answers.kinds[0].value if len(answers.kinds) == 1 else "together"


def _part(answers: Answers, row: AnswerRow) -> Part:
    return Part(kind_of(answers), answers.conversions, f"{row.label}: {row.conversions} ({row.share})")


def _short(answers: Answers, said: Said) -> str:
    short = " / ".join(said["consent"]["short"][kind] for kind in answers.kinds)
    return short[:1].upper() + short[1:]


def _answer(answers: Answers, total: int, said: Said, writing: Writing) -> AnswerRow:
    text = said["consent"]
    every = len(answers.kinds) == len(Consented)
    label = text["all_heading"] if every else " / ".join(text["kinds"][kind] for kind in answers.kinds)
    return AnswerRow(
        swatch(kind_of(answers)),
        label,
        writing.count(answers.conversions),
        writing.share(answers.conversions, total),
    )
