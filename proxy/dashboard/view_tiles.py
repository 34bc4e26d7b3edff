"""The tiles: the few numbers that are looked at first. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.dashboard.changes import Change, changed, points_changed
from proxy.dashboard.known import Known
from proxy.dashboard.numbers import DASH, Writing, permille_of
from proxy.dashboard.small import split
from proxy.dashboard.words import Said
from proxy.reasons import Outcome
from proxy.report.model import Consented, Report


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and how it has changed; None where there is nothing to compare with."""

    number: str
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """A heading, its numbers (several where there are several currencies), and what they mean."""

    key: str
    label: str
    figures: Sequence[Figure]
    note: str


def tiles(known: Known, said: Said, writing: Writing) -> list[Tile]:
    """Return the tiles."""
    text, report, before = said["tiles"], known.report, known.before
    entries, delivered = _entries(report)
    note = text["delivered_note"].format(delivered=writing.count(delivered), entries=writing.count(entries))
    consent = _consent(known, report)

    def counted(count: Callable[[Report], int]) -> Figure:
        number = count(report)
        if before is None:
            return Figure(writing.count(number))
        return Figure(
            writing.count(number), changed(number, count(before), text["changes"], writing, writing.count)
        )

    def share(now: int | None, then: int | None) -> Figure:
        if now is None:
            return Figure(DASH)
        change = None if then is None else points_changed(now, then, text["changes"], writing)
        return Figure(writing.percent(now), change)

    def tile(key: str, *figures: Figure, said_of_it: str = "") -> Tile:
        return Tile(key, text[key], figures, said_of_it or text[f"{key}_note"])

    return [
        tile("conversions", counted(lambda one: one.conversions)),
        tile("value", *_values(report, before, text, writing)),
        tile(
            "consent",
            Figure(text["consent_hidden"])
            if consent is None and report.conversions
            else share(consent, None if before is None else _consent(known, before)),
        ),
        tile(
            "delivered",
            share(_delivered(report), None if before is None else _delivered(before)),
            said_of_it=note if entries else text["nothing_sent"],
        ),
        tile("duplicates", counted(lambda one: one.duplicates)),
    ]


def _values(report: Report, before: Report | None, text: Said, writing: Writing) -> list[Figure]:
    """Return one figure per currency, the highest amount first."""
    now, then = report.value, before.value if before is not None else None
    found = []
    for currency in sorted({*now, *(then or {})}, key=lambda one: (-now.get(one, 0), one)):
        amount = now.get(currency, 0)

        def show(thousandths: int, currency: str = currency) -> str:
            return writing.money(thousandths, currency)

        change = (
            None
            if then is None
            else changed(amount, then.get(currency, 0), text["changes"], writing, show, "value_")
        )
        found.append(Figure(show(amount), change))
    return found or [Figure(text["no_value"])]


def _consent(known: Known, report: Report) -> int | None:
    """Return the share that consented to everything, in tenths of a percent; None if it must not be told."""
    for answers in split(report.consent, known.rules.smallest):
        if answers.kinds == (Consented.ALL,) and report.conversions:
            return permille_of(answers.conversions, report.conversions)
    return None


def _entries(report: Report) -> tuple[int, int]:
    """Return how many entries there were, and how many of them were delivered."""
    entries = sum(funnel.full + funnel.cookieless for funnel in report.funnels)
    return entries, sum(funnel.ended(Outcome.DELIVERED) for funnel in report.funnels)


def _delivered(report: Report) -> int | None:
    entries, delivered = _entries(report)
    return permille_of(delivered, entries) if entries else None
