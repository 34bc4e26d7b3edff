"""What the page is made of, besides the words: numbers, and how things stand. Types only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from proxy.dashboard.usual import Usual
from proxy.delivery.states import LinkState
from proxy.report.model import Report


@dataclass(frozen=True, slots=True)
class Rules:
    """How the report is kept: time zone (its name), days for which it is kept, the smallest count that is not small."""

    zone: str = "UTC"
    keep_days: int = 400
    smallest: int = 5


@dataclass(frozen=True, slots=True)
class Shop:
    """A site as the page knows it. ``vendors`` are the titles of its forwarders, by name."""

    name: str
    conversions: frozenset[str]
    vendors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a vendor said of conversions that it refused: its words, most frequent first, with how often it said them.

    ``looked`` is how many refusals were looked at; ``more``: there are older ones that were not.
    """

    words: Sequence[tuple[str, int]] = ()
    looked: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand now. ``store`` says why it takes no events, if so. ``states`` are forwarders that do not run."""

    store: str = ""
    states: Sequence[LinkState] = ()
    refusals: Mapping[str, Refusals] = field(default_factory=dict)
    usual: Usual | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that the page is made of."""

    rules: Rules
    shop: Shop
    sites: Sequence[str]
    today: date
    report: Report
    before: Report | None
    standing: Standing
