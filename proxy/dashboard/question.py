"""What a reader asks for: the query of ``/dashboard``, read strictly. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from proxy.dashboard.period import Compare, Period, Span, compared, span_of

MOST_DAYS: Final = 400
"""The longest span."""
_FORMATS: Final = ("html", "csv", "json")


class Mistake(StrEnum):
    """What of a query cannot be answered."""

    SITE = "site"
    EVENT = "event"
    PERIOD = "period"
    COMPARE = "compare"
    FORMAT = "format"
    DAYS = "days"
    """``from`` and ``to`` are no dates, or not in that order."""
    FUTURE = "future"
    LONG = "long"


class QuestionError(Exception):
    """A query that cannot be answered."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.value)
        self.mistake = mistake

    @property
    def status(self) -> int:
        """The HTTP status: 404 for what there is not, 400 for what cannot be."""
        return 404 if self.mistake in {Mistake.SITE, Mistake.EVENT} else 400


@dataclass(frozen=True, slots=True)
class Question:
    """A query that can be answered. ``event`` None: all conversions. ``source`` None: all sources."""

    site: str
    period: Period
    span: Span
    compare: Compare
    before: Span | None
    event: str | None
    source: str | None
    form: str
    lang: str

    @property
    def shown(self) -> str:
        """What the form was filled in with: by it is known what somebody has changed."""
        return _shown(self.period, self.span.first.isoformat(), self.span.last.isoformat())

    def link(self, path: str = "/dashboard", **changes: str | None) -> str:
        """Return the address of this question, some of its parameters changed; None leaves one out."""
        own: dict[str, str | None] = {"site": self.site, "period": self.period.value}
        if self.period is Period.CUSTOM:
            own |= {"from": self.span.first.isoformat(), "to": self.span.last.isoformat()}
        own |= {"compare": self.compare.value, "event": self.event, "source": self.source, "lang": self.lang}
        query = {name: value for name, value in (own | changes).items() if value is not None}
        return f"{path}?{urlencode(query)}"


def read_question(
    query: Mapping[str, str], sites: Mapping[str, frozenset[str]], today: date, lang: str
) -> Question:
    """Read a query. What is absent or empty takes its default: the first site, 28 days, the days before, all events.

    Args:
        query: the parameters.
        sites: the names of each site's conversions, by site.
        today: in the report's time zone.
        lang: the language that was chosen.

    Raises:
        QuestionError: it cannot be answered.
    """
    site = query.get("site") or next(iter(sites), "")
    if site not in sites:
        raise QuestionError(Mistake.SITE)
    event = query.get("event") or None
    if event is not None and event not in sites[site]:
        raise QuestionError(Mistake.EVENT)
    form = query.get("format") or "html"
    if form not in _FORMATS:
        raise QuestionError(Mistake.FORMAT)
    try:
        compare = Compare(query.get("compare") or Compare.PREVIOUS)
    except ValueError:
        raise QuestionError(Mistake.COMPARE) from None
    period, span = _days(query, today)
    return Question(
        site=site,
        period=period,
        span=span,
        compare=compare,
        before=compared(span, period, compare),
        event=event,
        source=query.get("source"),
        form=form,
        lang=lang,
    )


def _days(query: Mapping[str, str], today: date) -> tuple[Period, Span]:
    """Return the period and its days."""
    named = query.get("from", ""), query.get("to", "")
    chosen = query.get("period") or (Period.CUSTOM if any(named) else Period.FOUR_WEEKS)
    if all(named) and _shown(chosen, *named) != query.get("shown", _shown(chosen, *named)):
        # The form: whoever changes its days means them; a newly chosen period stands against the days of the last one.
        chosen = Period.CUSTOM if query["shown"].startswith(f"{chosen} ") else chosen
    try:
        period = Period(chosen)
    except ValueError:
        raise QuestionError(Mistake.PERIOD) from None
    if period is not Period.CUSTOM:
        return period, span_of(period, today)
    try:
        span = Span(_date(named[0]), _date(named[1]))
    except ValueError:
        raise QuestionError(Mistake.DAYS) from None
    if span.first > span.last:
        raise QuestionError(Mistake.DAYS)
    if span.last > today:
        raise QuestionError(Mistake.FUTURE)
    if span.length > MOST_DAYS:
        raise QuestionError(Mistake.LONG)
    return period, span


def _shown(period: str, first: str, last: str) -> str:
    return f"{period} {first} {last}"


def _date(text: str) -> date:
    """Read ``YYYY-MM-DD`` of this era of computing, so that a year can be taken off."""
    if len(text) != 10:
        raise ValueError("not YYYY-MM-DD")
    day = date.fromisoformat(text)
    if day < date(2000, 1, 1) or day > date(9998, 12, 31) - timedelta(MOST_DAYS):
        raise ValueError("no day of ours")
    return day
