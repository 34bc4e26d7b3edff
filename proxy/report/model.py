"""What the report knows of one site's conversions over a span of days. Types only.

Everything is a sum over events: no visitor, no id, no URL is in it. Money is counted in thousandths of the currency's
unit, as whole numbers, so that sums are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from proxy.reasons import Outcome, OutcomeReason, Reason

Money = Mapping[str, int]
"""Thousandths by currency (ISO 4217, upper case); ``""`` where a value came without one."""


class Consented(StrEnum):
    """What the visitor of a conversion had said when it was decided on."""

    ALL = "all"
    """Statistics and all three ad signals."""
    STATISTICS = "statistics"
    """Statistics, and not all ad signals."""
    ADS = "ads"
    """At least one ad signal, and no statistics."""
    DENIED = "denied"
    """Nothing, and at least one signal was denied."""
    UNKNOWN = "unknown"
    """Nothing was ever answered."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """One day, in the report's time zone. ``conversions`` are without the duplicates that were removed."""

    day: date
    conversions: int = 0
    duplicates: int = 0
    value: Money = field(default_factory=dict)
    consent: Mapping[Consented, int] = field(default_factory=dict)
    late: int = 0
    """Conversions that were made before their visitor's newest decision, and came in after it."""


@dataclass(frozen=True, slots=True)
class CampaignCount:
    """Conversions from one source, medium and campaign. All three empty: the page's address said nothing.

    ``other`` is the row of those that there was no room for.
    """

    source: str
    medium: str
    campaign: str
    conversions: int
    value: Money
    clicks: int
    """Conversions with a click id of some ad network."""
    other: bool = False


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of the conversions at one forwarder: ``received = full + cookieless + sum(dropped)``.

    ``dropped`` is by the decision's reason, duplicates among them. ``outcomes`` are those of entries that were full or
    cookieless when they were decided; what is not in it is still ``waiting``.
    """

    forwarder: str
    full: int = 0
    cookieless: int = 0
    dropped: Mapping[Reason, int] = field(default_factory=dict)
    outcomes: Mapping[tuple[Outcome, OutcomeReason | Reason], int] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    """Full entries that had a key by which the vendor finds a person or a click, by the key's name."""

    @property
    def received(self) -> int:
        """Conversions of the site while this forwarder was configured."""
        return self.full + self.cookieless + sum(self.dropped.values())

    @property
    def waiting(self) -> int:
        """Entries that have not ended."""
        return self.full + self.cookieless - sum(self.outcomes.values())

    def ended(self, outcome: Outcome) -> int:
        """Return how many entries ended so."""
        return sum(count for (how, _), count in self.outcomes.items() if how is outcome)


@dataclass(frozen=True, slots=True)
class Report:
    """One site, some days, one conversion event or all of them."""

    site: str
    first: date
    last: date
    event: str | None
    """The conversion's name; None: all."""
    days: tuple[DayCount, ...]
    """Every day of the span, in order, those without anything too."""
    campaigns: tuple[CampaignCount, ...]
    """Most conversions first; the row ``other`` last."""
    funnels: tuple[Funnel, ...]
    """In the configuration's order."""

    @property
    def conversions(self) -> int:
        """All conversions of the span, without duplicates."""
        return sum(one.conversions for one in self.days)

    @property
    def duplicates(self) -> int:
        """Duplicates that were removed."""
        return sum(one.duplicates for one in self.days)

    @property
    def value(self) -> dict[str, int]:
        """Thousandths by currency."""
        total: dict[str, int] = {}
        for one in self.days:
            for currency, amount in one.value.items():
                total[currency] = total.get(currency, 0) + amount
        return total

    @property
    def consent(self) -> dict[Consented, int]:
        """Conversions by what their visitor had said."""
        return {kind: sum(one.consent.get(kind, 0) for one in self.days) for kind in Consented}

    @property
    def late(self) -> int:
        """Conversions made before their visitor's newest decision."""
        return sum(one.late for one in self.days)
