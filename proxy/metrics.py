"""The one catalogue of all metrics: names, help, labels and, where they are closed, the values of those.

Two kinds. What a *process* counts lives in ``REGISTRY`` (or, with several processes, in the files of
``PROMETHEUS_MULTIPROC_DIR``). What is counted in the *store*, by the scripts that store and settle, is read from there
by ``proxy.exposition`` at each scrape, so that no crash loses or doubles it. No name, id, URL or address is a label.

Hot path code asks for a labelled child once and keeps it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from proxy.reasons import Decision, Invalid, Outcome, OutcomeReason, Reason
from proxy.site import Site

REGISTRY = CollectorRegistry()
disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter was made helps nobody, and doubles what is scraped


@dataclass(frozen=True, slots=True)
class Metric:
    """What is published under one name, and who counts it.

    ``values`` holds the closed sets of its labels; those of sites and forwarders are the configuration's.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    where: Literal["process", "store"] = "store"
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """The name as it stands in the exposition."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_LINK = ("site", "forwarder")
STATUSES = ("2xx", "3xx", "4xx", "429", "5xx", "timeout", "error")
READS = ("found", "absent", "unreadable", "failed")

# --- counted by the processes -------------------------------------------------------------------------------------

_INVALID = Metric(
    "sayso_events_invalid",
    "counter",
    "Events that could not be taken.",
    ("site", "reason"),
    "process",
    {"reason": tuple(Invalid)},
)
INGEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_INGEST = Metric(
    "sayso_ingest_duration_seconds",
    "histogram",
    "Time from a request with events to its answer, in seconds.",
    (),
    "process",
    buckets=INGEST_BUCKETS,
)
_REQUEST = Metric(
    "sayso_vendor_request_duration_seconds",
    "histogram",
    "Time from the start of a request to a vendor to the end of its answer, in seconds.",
    ("forwarder", "status"),
    "process",
    {"status": STATUSES},
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
_READS = Metric(
    "sayso_consent_reads",
    "counter",
    "Consent records read, by requests and again before sending.",
    ("result",),
    "process",
    {"result": READS},
)
_VIOLATIONS = Metric(
    "sayso_egress_violations",
    "counter",
    "Events not sent because their request held what it must not. Each is a bug: tell us.",
    _LINK,
    "process",
)

# --- counted in the store -------------------------------------------------------------------------------------------

RECEIVED = Metric("sayso_events_received", "counter", "Valid events that were stored.", ("site",))
DECISIONS = Metric(
    "sayso_decisions",
    "counter",
    "Decisions by event and forwarder.",
    (*_LINK, "decision", "reason"),
    values={"decision": tuple(Decision), "reason": tuple(Reason)},
)
OUTCOMES = Metric(
    "sayso_outcomes",
    "counter",
    "How entries ended.",
    (*_LINK, "outcome", "reason"),
    values={"outcome": tuple(Outcome), "reason": tuple(dict.fromkeys([*OutcomeReason, *Reason]))},
)
ENTRIES = Metric("sayso_outbox_entries", "gauge", "Entries that have not ended yet.", _LINK)
OLDEST = Metric(
    "sayso_outbox_oldest_seconds",
    "gauge",
    "Age of the oldest entry that has not ended yet, in seconds; 0 where there is none.",
    _LINK,
)
DEAD_LETTERS = Metric("sayso_dead_letters", "gauge", "Refused entries that are kept to be looked at.", _LINK)
LATE_REFUSALS = Metric(
    "sayso_vendor_late_refusals",
    "counter",
    "Events that the vendor refused after having accepted them, as far as it says.",
    _LINK,
)
WITHDRAWN = Metric(
    "sayso_consent_withdrawn_in_outbox",
    "counter",
    "Entries that were lowered or dropped because consent was gone when it was read again.",
    _LINK,
)
PAUSED = Metric(
    "sayso_forwarder_paused",
    "gauge",
    "1 while a forwarder sends nothing until an operator mends something or resumes it.",
    _LINK,
)
STORE_UP = Metric("sayso_store_up", "gauge", "1 if the store answered this scrape, else 0.")

CATALOGUE: tuple[Metric, ...] = (
    RECEIVED,
    _INVALID,
    DECISIONS,
    OUTCOMES,
    ENTRIES,
    OLDEST,
    DEAD_LETTERS,
    _INGEST,
    _REQUEST,
    LATE_REFUSALS,
    _READS,
    WITHDRAWN,
    _VIOLATIONS,
    PAUSED,
    STORE_UP,
)


def _counter(metric: Metric) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=REGISTRY)


def _histogram(metric: Metric) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, registry=REGISTRY, buckets=metric.buckets)


EVENTS_INVALID = _counter(_INVALID)
INGEST_DURATION = _histogram(_INGEST)
VENDOR_REQUEST_DURATION = _histogram(_REQUEST)
CONSENT_READS = _counter(_READS)
EGRESS_VIOLATIONS = _counter(_VIOLATIONS)


def prepare(sites: Iterable[Site]) -> None:
    """Make every counter of the configured sites and forwarders exist, at zero: a first increase is then seen."""
    for result in READS:
        CONSENT_READS.labels(result)
    for site in sites:
        for reason in Invalid:
            EVENTS_INVALID.labels(site.name, reason.value)
        for link in site.links:
            EGRESS_VIOLATIONS.labels(site.name, link.name)


# What the scripts that settle can count, beside what accept counts as ``dropped`` for a decision's reason.
ENDINGS: tuple[tuple[Outcome, OutcomeReason], ...] = (
    (Outcome.DELIVERED, OutcomeReason.ACCEPTED),
    (Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED),
    (Outcome.REJECTED, OutcomeReason.UNMAPPABLE),
    (Outcome.EXPIRED, OutcomeReason.TOO_OLD),
    (Outcome.DROPPED, OutcomeReason.WITHDRAWN),
    (Outcome.DROPPED, OutcomeReason.ERASED),
    (Outcome.DROPPED, OutcomeReason.DISCARDED),
    (Outcome.DROPPED, OutcomeReason.OUTBOX_FULL),
    (Outcome.DROPPED, OutcomeReason.EGRESS_VIOLATION),
)
