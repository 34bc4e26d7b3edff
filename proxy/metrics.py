"""The one catalogue of all metrics: names, help, labels and, where they are closed, the values of those.

Two kinds. What a *process* counts lives in ``REGISTRY`` (or, with several processes, in the files of
``PROMETHEUS_MULTIPROC_DIR``). What is counted in the *store*, by the scripts that store and settle, is read from there
by ``proxy.exposition`` at each scrape, so that no crash loses or doubles it. No name, id, URL or address is a label.

Hot path code asks for a labelled child once and keeps it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from proxy.reasons import Decision, Invalid, Outcome, OutcomeReason, Reason
from proxy.site import Site
from proxy.sources.weigh import Source

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
_AGE = Metric(
    "sayso_consent_age_seconds",
    "histogram",
    "How old the consent was on which a full request started, in seconds. Half a second is the bound.",
    (),
    "process",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
_REACH = Metric(
    "sayso_withdrawal_reach_seconds",
    "histogram",
    "Time from the store's taking of a denial to a waiting entry's becoming cookieless or being dropped, in seconds.",
    (),
    "process",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 300.0, 3600.0),
)
UNDECIDED = Metric(
    "sayso_events_undecided",
    "counter",
    "Events that came before their visitor had decided anything, as far as any source says.",
    ("site",),
    "process",
)
LATE = Metric(
    "sayso_consent_late_seconds",
    "histogram",
    "How long after an event was made its visitor's newest decision came, for events that came in after it, in seconds.",
    ("site",),
    "process",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
DISAGREEMENTS = Metric(
    "sayso_consent_disagreements",
    "counter",
    "Events for which one source of consent granted what another denied.",
    ("site", "first", "second"),
    "process",
    {"first": tuple(Source), "second": tuple(Source)},
)
_VIOLATIONS = Metric(
    "sayso_egress_violations",
    "counter",
    "Events not sent because their request held what it must not. Each is a bug: tell us.",
    _LINK,
    "process",
)
LOADED = Metric(
    "sayso_config_last_reload_successful",
    "gauge",
    "1 if the configuration file was right when it was last read, else 0: then the one before it runs on.",
    (),
    "process",
)
LOADED_AT = Metric(
    "sayso_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration that runs was read, in Unix seconds.",
    (),
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
STORE_UP = Metric(
    "sayso_store_up", "gauge", "1 if the store answered this scrape and takes new events, else 0."
)

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
    _AGE,
    UNDECIDED,
    LATE,
    DISAGREEMENTS,
    _REACH,
    WITHDRAWN,
    _VIOLATIONS,
    PAUSED,
    LOADED,
    LOADED_AT,
    STORE_UP,
)


@dataclass(slots=True)
class ConfigLoad:
    """How the last reading of the configuration file went, and when the one that runs was read, in Unix seconds."""

    successful: bool = True
    at: float = field(default_factory=time.time)


CONFIG_LOAD = ConfigLoad()
"""This process's own. Only the process that reads the file publishes it."""


def _counter(metric: Metric) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=REGISTRY)


def _histogram(metric: Metric) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, registry=REGISTRY, buckets=metric.buckets)


EVENTS_INVALID = _counter(_INVALID)
INGEST_DURATION = _histogram(_INGEST)
VENDOR_REQUEST_DURATION = _histogram(_REQUEST)
CONSENT_READS = _counter(_READS)
CONSENT_AGE = _histogram(_AGE)
WITHDRAWAL_REACH = _histogram(_REACH)
EGRESS_VIOLATIONS = _counter(_VIOLATIONS)
EVENTS_UNDECIDED = _counter(UNDECIDED)
CONSENT_LATE = _histogram(LATE)
CONSENT_DISAGREEMENTS = _counter(DISAGREEMENTS)


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
    (Outcome.EXPIRED, OutcomeReason.VENDOR_UNAUTHORISED),
    (Outcome.DROPPED, OutcomeReason.WITHDRAWN),
    (Outcome.DROPPED, OutcomeReason.ERASED),
    (Outcome.DROPPED, OutcomeReason.DISCARDED),
    (Outcome.DROPPED, OutcomeReason.OUTBOX_FULL),
    (Outcome.DROPPED, OutcomeReason.EGRESS_VIOLATION),
)
