"""From a report to what the page shows: texts, figures and rows, ready to be put into the template. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.dashboard.known import Known
from proxy.dashboard.numbers import Writing
from proxy.dashboard.period import Compare, Period
from proxy.dashboard.question import Question
from proxy.dashboard.view_campaigns import CampaignTable, campaign_table
from proxy.dashboard.view_consent import ConsentView, consent_view
from proxy.dashboard.view_days import DaysView, days_view
from proxy.dashboard.view_delivery import Vendor, vendors
from proxy.dashboard.view_health import Line, health_lines
from proxy.dashboard.view_tiles import Tile, tiles
from proxy.dashboard.words import Said, words
from proxy.languages import LANGUAGES


@dataclass(frozen=True, slots=True)
class Option:
    """One choice in the bar."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """The form at the top."""

    sites: Sequence[Option]
    periods: Sequence[Option]
    compares: Sequence[Option]
    events: Sequence[Option]
    first: str
    last: str
    lowest: str
    highest: str
    shown: str


@dataclass(frozen=True, slots=True)
class Empty:
    """What to do where there are no conversions."""

    names: str
    longer: str | None
    every_event: str | None


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    title: str
    heading: str
    span: str
    notes: Sequence[str]
    bar: Bar
    languages: Sequence[tuple[str, str, str, bool]]
    csv: str
    json: str
    empty: Empty | None
    tiles: Sequence[Tile]
    days: DaysView
    campaigns: CampaignTable
    vendors: Sequence[Vendor]
    consent: ConsentView
    health: Sequence[Line]
    privacy: Sequence[str]


def make_view(known: Known, question: Question) -> View:
    """Make what the page shows of a report."""
    said = words(question.lang)
    writing = Writing(said["writing"])
    span = writing.span(question.span.first, question.span.last)
    what = question.event or said["page"]["all_events"]
    heading = said["page"]["heading"].format(site=known.shop.name, what=what)
    none = not known.report.conversions and not known.report.duplicates
    return View(
        title=f"{heading}, {span}",
        heading=heading,
        span=span,
        notes=_notes(known, question, said, writing),
        bar=_bar(known, question, said),
        languages=[
            (code, name, question.link(lang=code), code == question.lang) for code, name in LANGUAGES.items()
        ],
        csv=question.link(format="csv"),
        json=question.link(format="json"),
        empty=_empty(known, question, said) if none else None,
        tiles=tiles(known, said, writing),
        days=days_view(known, said, writing),
        campaigns=campaign_table(known, question, said, writing),
        vendors=vendors(known, said, writing),
        consent=consent_view(known, said, writing),
        health=health_lines(known, said, writing),
        privacy=_privacy(known, said),
    )


def _notes(known: Known, question: Question, said: Said, writing: Writing) -> list[str]:
    """Say what the numbers stand on: days, time zone, comparison."""
    page, rules = said["page"], known.rules
    found = [page["zone"].format(zone=rules.zone)]
    if question.span.last >= known.today:
        found.append(page["today"])
    if (known.today - question.span.first).days > rules.keep_days:
        found.append(page["not_kept"].format(days=rules.keep_days))
    if known.before is not None:
        then = writing.span(known.before.first, known.before.last)
        found.append(page["compared"].format(span=then))
    elif question.before is not None:
        found.append(page["before_not_kept"].format(days=rules.keep_days))
    else:
        found.append(page["not_compared"])
    return found


def _bar(known: Known, question: Question, said: Said) -> Bar:
    bar = said["bar"]
    names = sorted(known.shop.conversions)
    return Bar(
        sites=[Option(name, name, name == question.site) for name in known.sites],
        periods=[Option(one, bar["periods"][one], one is question.period) for one in Period],
        compares=[Option(one, bar["compares"][one], one is question.compare) for one in Compare],
        events=[
            Option("", bar["every_event"], question.event is None),
            *(Option(name, name, name == question.event) for name in names),
        ],
        first=question.span.first.isoformat(),
        last=question.span.last.isoformat(),
        lowest="2000-01-01",
        highest=known.today.isoformat(),
        shown=question.shown,
    )


def _empty(known: Known, question: Question, said: Said) -> Empty:
    names = ", ".join(sorted(known.shop.conversions))
    empty = said["empty"]
    longest = question.period is Period.THIRTEEN_MONTHS
    return Empty(
        names=empty["names"].format(names=names) if names else empty["no_names"],
        longer=None if longest else question.link(period=Period.THIRTEEN_MONTHS.value, source=None),
        every_event=question.link(event=None, source=None) if question.event is not None else None,
    )


def _privacy(known: Known, said: Said) -> list[str]:
    privacy, rules = said["privacy"], known.rules
    small = privacy["small"].format(smallest=rules.smallest) if rules.smallest > 1 else privacy["no_small"]
    return [
        privacy["people"],
        privacy["blocked"],
        small,
        privacy["kept"].format(days=rules.keep_days),
        privacy["vendors"],
    ]
