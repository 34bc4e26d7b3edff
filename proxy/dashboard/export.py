"""The report as files: one CSV with a row for each number, and JSON. They tell no more than the page. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from proxy.dashboard.answers_by_day import answers_by_day
from proxy.dashboard.known import Known
from proxy.dashboard.question import Question
from proxy.dashboard.small import Answers, Reasons, Why, clicks_shown, publish, reasons, split
from proxy.dashboard.view_consent import late_shown
from proxy.reasons import Outcome
from proxy.report.model import Funnel, Money, Report

HEAD: Final = ("table", "day", "source", "medium", "campaign", "forwarder", "item", "currency", "number")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # also as written in Asia
_OTHER: Final = "(other)"
_NO_CONSENT: Final = "no_consent"
"""Stands for several reasons that tell what visitors answered, where they must not be told apart."""
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV is written. ``norwegian``: as Excel expects it there; ``bom``: marked as UTF-8, which Excel needs."""

    norwegian: bool = False
    bom: bool = True


def as_csv(known: Known, question: Question, dialect: Dialect = Dialect()) -> bytes:  # frozen
    """Write the report as CSV in UTF-8, with a head. No cell is a formula for a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if dialect.norwegian else ",", lineterminator="\r\n")
    writer.writerow(HEAD)
    for row in _rows(known, question):
        writer.writerow([_cell(row.get(name, ""), dialect) for name in HEAD])
    return ((_BOM if dialect.bom else "") + out.getvalue()).encode()


def as_json(known: Known, question: Question) -> bytes:
    """Write the report as JSON, indented."""
    rules, report = known.rules, known.report
    answers = split(report.consent, rules.smallest)
    body = {
        "site": report.site,
        "event": report.event,
        "from": report.first,
        "to": report.last,
        "time_zone": rules.zone,
        "small_cells": rules.smallest,
        "totals": _totals(report, rules.smallest),
        "compared": None if known.before is None else _compared(known.before),
        "days": [
            {
                "day": one.day,
                "conversions": one.conversions,
                "duplicates": one.duplicates,
                "value": _money(one.value),
            }
            for one in report.days
        ],
        "campaigns": _campaigns(known, question),
        "consent": [{"answers": one.kinds, "conversions": one.conversions} for one in answers],
        "consent_by_day": _consent_by_day(known, answers),
        "forwarders": [_forwarder(funnel, rules.smallest) for funnel in report.funnels],
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


# --- JSON -------------------------------------------------------------------------------------------------------------


def _money(value: Money) -> dict[str, float]:
    return {currency: amount / 1000 for currency, amount in value.items()}


def _totals(report: Report, smallest: int) -> dict[str, Any]:
    late = report.late if late_shown(report.late, smallest) else None
    return {
        "conversions": report.conversions,
        "duplicates": report.duplicates,
        "value": _money(report.value),
        "late": late,
    }


def _compared(report: Report) -> dict[str, Any]:
    return {
        "from": report.first,
        "to": report.last,
        "conversions": report.conversions,
        "duplicates": report.duplicates,
        "value": _money(report.value),
        "days": [{"day": one.day, "conversions": one.conversions} for one in report.days],
    }


def _campaigns(known: Known, question: Question) -> list[dict[str, Any]]:
    return [
        {
            "source": row.source,
            "medium": row.medium,
            "campaign": row.campaign,
            "conversions": row.conversions,
            "value": _money(row.value),
            "clicks": row.clicks if clicks_shown(row, known.rules.smallest) else None,
        }
        for row in publish(known.report.campaigns, known.rules.smallest)
        if question.source is None or row.source == question.source
    ]


def _consent_by_day(known: Known, answers: tuple[Answers, ...]) -> dict[str, Any] | None:
    table = answers_by_day(known.report.days, answers, known.rules.smallest)
    if table is None:
        return None
    return {
        "unit": table.unit,
        "answers": [one.kinds for one in table.answers],
        "rows": [{"first": row.first, "conversions": row.cells} for row in table.rows],
    }


def _forwarder(funnel: Funnel, smallest: int) -> dict[str, Any]:
    return {
        "forwarder": funnel.forwarder,
        "received": funnel.received,
        "full": funnel.full,
        "cookieless": funnel.cookieless,
        "dropped": _reasons(funnel.dropped, smallest),
        "outcomes": {outcome.value: _reasons(_of(funnel, outcome), smallest) for outcome in Outcome},
        "pending": funnel.waiting,
        "keys": dict(funnel.keys),
    }


def _of(funnel: Funnel, outcome: Outcome) -> dict[Why, int]:
    return {why: number for (how, why), number in funnel.outcomes.items() if how is outcome}


def _reasons(counts: Reasons, smallest: int) -> dict[str, int]:
    """Return the counts by reason; what a visitor has answered is one where it must not be told apart."""
    return {_NO_CONSENT if why is None else why.value: number for why, number in reasons(counts, smallest)}


# --- CSV --------------------------------------------------------------------------------------------------------------


def _rows(known: Known, question: Question) -> Iterator[Mapping[str, object]]:
    """Yield a row for each number; what is hidden says so instead."""
    report, smallest = known.report, known.rules.smallest
    hidden = f"fewer than {smallest}"
    yield {"table": "total", "item": "conversions", "number": report.conversions}
    yield {"table": "total", "item": "duplicates", "number": report.duplicates}
    late = report.late if late_shown(report.late, smallest) else hidden
    yield {"table": "total", "item": "late answers", "number": late}
    yield from _values({"table": "total"}, report.value)
    for one in report.days:
        place = {"table": "day", "day": one.day.isoformat()}
        yield place | {"item": "conversions", "number": one.conversions}
        yield place | {"item": "duplicates", "number": one.duplicates}
        yield from _values(place, one.value)
    yield from _campaign_rows(known, question, hidden)
    yield from _consent_rows(known)
    for funnel in report.funnels:
        yield from _forwarder_rows(funnel, smallest)


def _values(place: Mapping[str, object], value: Money) -> Iterator[Mapping[str, object]]:
    for currency, amount in sorted(value.items()):
        yield {**place, "item": "value", "currency": currency, "number": amount / 1000}


def _campaign_rows(known: Known, question: Question, hidden: str) -> Iterator[Mapping[str, object]]:
    for row in publish(known.report.campaigns, known.rules.smallest):
        if question.source is not None and row.source != question.source:
            continue
        names = {"source": row.source, "medium": row.medium, "campaign": row.campaign}
        place: dict[str, object] = {"table": "campaign"}
        place |= {name: _OTHER if text is None else text for name, text in names.items()}
        yield place | {"item": "conversions", "number": row.conversions}
        clicks = row.clicks if clicks_shown(row, known.rules.smallest) else f"{hidden} with or without"
        yield place | {"item": "with a click id", "number": clicks}
        yield from _values(place, row.value)


def _consent_rows(known: Known) -> Iterator[Mapping[str, object]]:
    answers = split(known.report.consent, known.rules.smallest)
    for name, one in zip(_names(answers), answers, strict=True):
        yield {"table": "consent", "item": name, "number": one.conversions}
    table = answers_by_day(known.report.days, answers, known.rules.smallest)
    if table is None:
        return
    for row in table.rows:
        place = {"table": f"consent by {table.unit}", "day": row.first.isoformat()}
        for at, name in enumerate(_names(table.answers)):
            yield place | {"item": name, "number": "hidden" if row.cells is None else row.cells[at]}


def _names(answers: Sequence[Answers]) -> list[str]:
    return [" or ".join(one.kinds) for one in answers]


def _forwarder_rows(funnel: Funnel, smallest: int) -> Iterator[Mapping[str, object]]:
    place = {"table": "forwarder", "forwarder": funnel.forwarder}
    for item, number in (
        ("received", funnel.received),
        ("full", funnel.full),
        ("cookieless", funnel.cookieless),
        ("pending", funnel.waiting),
    ):
        yield place | {"item": item, "number": number}
    for reason, number in _reasons(funnel.dropped, smallest).items():
        yield place | {"item": f"not sent: {reason}", "number": number}
    for outcome in Outcome:
        for reason, number in _reasons(_of(funnel, outcome), smallest).items():
            yield place | {"item": f"{outcome}: {reason}", "number": number}
    for key, number in funnel.keys.items():
        yield place | {"item": f"key: {key}", "number": number}


def _cell(value: object, dialect: Dialect) -> str:
    """Write a cell. Text that a spreadsheet would take for a formula begins with an apostrophe."""
    match value:
        case int():
            return str(value)
        case float():
            text = f"{value:.3f}".rstrip("0").rstrip(".")
            return text.replace(".", ",") if dialect.norwegian else text
        case _:
            text = str(value)
            return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
