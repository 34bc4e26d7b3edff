"""Counts what consent does over time: events from before a decision, late decisions, sources that disagree."""

from prometheus_client import Counter, Histogram

from proxy.metrics import CONSENT_DISAGREEMENTS, CONSENT_LATE, EVENTS_UNDECIDED
from proxy.sources.weigh import Source


class ConsentWatch:
    """Counts for one process; a site's counters are looked up once and kept."""

    def __init__(self) -> None:
        self._undecided: dict[str, Counter] = {}
        self._late: dict[str, Histogram] = {}

    def undecided(self, site: str) -> None:
        """Count an event whose visitor has not decided anything yet."""
        child = self._undecided.get(site)
        if child is None:
            child = self._undecided[site] = EVENTS_UNDECIDED.labels(site)
        child.inc()

    def late(self, site: str, seconds: float) -> None:
        """Note how long after an event its visitor's newest decision came."""
        child = self._late.get(site)
        if child is None:
            child = self._late[site] = CONSENT_LATE.labels(site)
        child.observe(seconds)

    def disagreed(self, site: str, first: Source, second: Source) -> None:
        """Count two sources of which one grants what the other denies."""
        CONSENT_DISAGREEMENTS.labels(site, first.value, second.value).inc()
