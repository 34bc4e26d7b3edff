"""Reading the report again: the sums of some days, added up over the partitions.

Thirteen months are some thousand hashes. They are fetched a slice at a time, and between two slices everything else that
this process does has its turn.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Final, TypeVar

from proxy.reasons import Decision, Outcome, OutcomeReason, Reason
from proxy.report.campaigns import Campaigns, money_of
from proxy.report.model import Consented, DayCount, Funnel, Report
from proxy.site import Site
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import campaigns_key, report_key

_AT_ONCE: Final = 16
"""Hashes in one answer: some thousand fields, a few milliseconds of work."""
_SAID: Final = frozenset(Consented)
_OF_FORWARDERS: Final = frozenset(b"dok")
_DECISIONS: Final = frozenset(Decision)
_OUTCOMES: Final = frozenset(Outcome)
_REASONS: Final = frozenset(Reason)
_ENDINGS: Final[Mapping[str, OutcomeReason | Reason]] = {one.value: one for one in (*Reason, *OutcomeReason)}
"""``withdrawn`` is among both; what an entry ended by is the outcome's."""

T = TypeVar("T")


@dataclass(slots=True)
class _Day:
    """A day as it is added up."""

    conversions: int = 0
    duplicates: int = 0
    late: int = 0
    value: Counter[bytes] = field(default_factory=Counter)
    consent: Counter[Consented] = field(default_factory=Counter)


@dataclass(slots=True)
class _Forwarder:
    """A forwarder as it is added up."""

    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)


_Forwarders = defaultdict[str, _Forwarder]


async def read_report(
    store: Store, site: Site, partitions: Sequence[int], first: date, last: date, event: str | None
) -> Report:
    """Read what was counted of a site's conversions from one day to another, both included.

    Args:
        store: where it is counted.
        site: whose conversions. Its forwarders come in its order, then those that it had at the time and has no more.
        partitions: which, usually ``range(settings.store.partitions)``.
        first: the first day, in the report's time zone (``[report] timezone``).
        last: the last day.
        event: the conversion's name; None: all.

    Raises:
        StoreUnavailableError: the store does not answer, or a key holds what no report of ours is.
        ValueError: ``last`` lies before ``first``.
    """
    if last < first:
        raise ValueError("the last day lies before the first")
    days = {first + timedelta(days=number): _Day() for number in range((last - first).days + 1)}
    of_forwarders: Counter[bytes] = Counter()
    campaigns = Campaigns()
    try:
        for some in _slices((partition, day) for day in days for partition in partitions):
            keys = [report_key(partition, site.name, day.isoformat()) for partition, day in some]
            told: list[str] = []
            for (partition, day), counts in zip(some, await _fetch(store, keys), strict=True):
                names = _add(counts, event, days[day], of_forwarders)
                told += [campaigns_key(partition, site.name, name, day.isoformat()) for name in names]
            for few in _slices(told):
                for rows in await _fetch(store, few):
                    campaigns.add(rows)
    except (ValueError, IndexError) as error:
        raise StoreUnavailableError(f"a report cannot be read: {type(error).__name__}") from None
    forwarders = _by_forwarder(of_forwarders, event)
    order = [link.name for link in site.links]
    order += sorted(forwarders.keys() - set(order))
    return Report(
        site.name,
        first,
        last,
        event,
        tuple(_day_of(day, one) for day, one in days.items()),
        campaigns.shown(),
        tuple(_funnel_of(name, forwarders[name]) for name in order),
    )


def _slices(all_of: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(all_of)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


async def _fetch(store: Store, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
    async with store.redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
        found: list[dict[bytes, bytes]] = await store.guarded(pipe.execute())
    return found


def _add(
    counts: Mapping[bytes, bytes], event: str | None, day: _Day, of_forwarders: Counter[bytes]
) -> list[str]:
    """Add a day's counts to what there is; return the names of its conversions.

    Those of forwarders are most of them, and are not told apart by days: they are added up as they stand, and read once.

    Raises:
        ValueError: a count is no number.
    """
    names: list[str] = []
    for field_name, text in counts.items():
        if field_name[0] in _OF_FORWARDERS:
            of_forwarders[field_name] += int(text)
            continue
        kind, name, *rest = field_name.decode(errors="replace").split("|")
        if event is not None and name != event:
            continue
        if kind == "n":
            names.append(name)
        _add_day(kind, rest, int(text), day)
    return names


def _add_day(kind: str, rest: list[str], number: int, day: _Day) -> None:
    """Add one count of a day. A word that this version does not know is of a newer one, and is left out."""
    match kind, rest:
        case "n", []:
            day.conversions += number
        case "x", []:
            day.duplicates += number
        case "l", []:
            day.late += number
        case "v", [currency]:
            day.value[currency.encode()] += number
        case "c", [said] if said in _SAID:
            day.consent[Consented(said)] += number
        case _:
            return


def _by_forwarder(counts: Mapping[bytes, int], event: str | None) -> _Forwarders:
    """Tell apart the counts of forwarders."""
    forwarders: _Forwarders = defaultdict(_Forwarder)
    for field_name, number in counts.items():
        kind, name, *rest = field_name.decode(errors="replace").split("|")
        if event is None or name == event:
            _add_forwarder(kind, rest, number, forwarders)
    return forwarders


def _add_forwarder(kind: str, rest: list[str], number: int, forwarders: _Forwarders) -> None:
    match kind, rest:
        case "d", [forwarder, decision, reason] if decision in _DECISIONS and reason in _REASONS:
            forwarders[forwarder].decided[decision, reason] += number
        case "o", [forwarder, outcome, reason] if outcome in _OUTCOMES and reason in _ENDINGS:
            forwarders[forwarder].outcomes[outcome, reason] += number
        case "k", [forwarder, key]:
            forwarders[forwarder].keys[key] += number
        case _:
            return


def _day_of(day: date, one: _Day) -> DayCount:
    return DayCount(day, one.conversions, one.duplicates, money_of(one.value), dict(one.consent), one.late)


def _funnel_of(name: str, one: _Forwarder) -> Funnel:
    by_decision: Counter[str] = Counter()
    for (decision, _), number in one.decided.items():
        by_decision[decision] += number
    return Funnel(
        name,
        by_decision[Decision.FULL],
        by_decision[Decision.COOKIELESS],
        {
            Reason(reason): number
            for (decision, reason), number in one.decided.items()
            if decision == Decision.DROP and number
        },
        {
            (Outcome(outcome), _ENDINGS[reason]): number
            for (outcome, reason), number in one.outcomes.items()
            if number
        },
        dict(one.keys),
    )
