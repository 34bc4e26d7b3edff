"""The one catalogue of all metrics: names, help, labels and, where they are closed, the values of those.

Two kinds. What a *process* counts lives in ``REGISTRY`` (or, with several processes, in the files of
``PROMETHEUS_MULTIPROC_DIR``). What is counted in the *store*, by the scripts that store and settle, is read from there
by ``proxy.exposition`` at each scrape, so that no crash loses or doubles it. No name, id, URL or address is a label.

Hot path code asks for a labelled child once and keeps it.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from proxy.metrics_stored import (
    AGE_LIMIT,
    AUDIT_LAG,
    DEAD_LETTERS,
    DECISIONS,
    ENTRIES,
    ENTRY_LIMIT,
    FAILING,
    LATE_REFUSALS,
    LINK,
    OLDEST,
    OUTCOMES,
    PAUSED,
    RECEIVED,
    STORE_CPU,
    STORE_MEMORY,
    STORE_MEMORY_LIMIT,
    STORE_UP,
    WITHDRAWN,
    Metric,
)
from proxy.reasons import Invalid
from proxy.site import Site
from proxy.sources.weigh import Source

REGISTRY = CollectorRegistry()
disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter was made helps nobody, and doubles what is scraped


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
    LINK,
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

ROUTES = ("collect", "pixel", "g_collect", "mp_collect", "consent", "loader", "gpc", "none")
"""What a public request asked for; ``none``: a path or a site that is not there, or a method that it does not take."""
CLASSES = ("2xx", "3xx", "4xx", "5xx")
REQUESTS = Metric(
    "sayso_requests",
    "counter",
    "Public requests by route and by the class of their answer.",
    ("route", "status"),
    "process",
    {"route": ROUTES, "status": CLASSES},
)
EVENTS = ("conversion", "other")
_LAG = Metric(
    "sayso_delivery_lag_seconds",
    "histogram",
    "Time from an event's acceptance to the vendor's final answer, a yes or a no, in seconds.",
    (*LINK, "events"),
    "process",
    {"events": EVENTS},
    buckets=(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0),
)
STORE_OPERATIONS = ("accept", "read", "consent", "lease", "prepare", "due", "settle", "other")
STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_STORE_TIME = Metric(
    "sayso_store_duration_seconds",
    "histogram",
    "Time that the store took for one of our scripts, repeats included, in seconds.",
    ("operation",),
    "process",
    {"operation": STORE_OPERATIONS},
    buckets=STORE_BUCKETS,
)
_STORE_ERRORS = Metric(
    "sayso_store_errors",
    "counter",
    "Scripts that the store did not run, or refused: what they were for was refused or tried again.",
    ("operation",),
    "process",
    {"operation": STORE_OPERATIONS},
)
_CANARY = Metric(
    "sayso_canary_seconds",
    "histogram",
    "Time from sending a canary conversion to its arrival at our own vendor, in seconds.",
    (),
    "process",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
LOOP_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LOOP = Metric(
    "sayso_event_loop_lag_seconds",
    "histogram",
    "How late a timer fired, looked at twice a second: how long a process was too busy to answer, in seconds.",
    ("part",),
    "process",
    {"part": ("gateway", "main")},
    buckets=LOOP_BUCKETS,
)
_LOOP_CPU = Metric(
    "sayso_event_loop_cpu_seconds",
    "counter",
    "CPU time of the threads that do the work, one in each process, in seconds. None can use more than one core.",
    ("part",),
    "process",
    {"part": ("gateway", "main")},
)
_CPU = Metric(
    "sayso_process_cpu_seconds",
    "counter",
    "CPU time of our processes, in seconds: all gateway workers together, and the one that is asked.",
    ("part",),
    "process",
    {"part": ("gateway", "main")},
)

# --- known to the process that is asked -----------------------------------------------------------------------------

WORKERS = Metric(
    "sayso_workers",
    "gauge",
    "Gateway processes: how many run, and how many are wanted.",
    ("state",),
    "process",
    {"state": ("running", "wanted")},
)
RESTARTS = Metric(
    "sayso_worker_restarts",
    "counter",
    "Gateway processes that ended by themselves and were started again.",
    (),
    "process",
)
RESIDENT = Metric(
    "sayso_process_resident_bytes",
    "gauge",
    "Memory of our processes, in bytes: the one that is asked, and all gateway workers together.",
    ("part",),
    "process",
    {"part": ("main", "gateway")},
)
CLOCK = Metric(
    "sayso_clock_ahead_seconds",
    "gauge",
    "How far this machine's clock is ahead of another for sure, in seconds; below zero: behind; 0: both may be right.",
    ("of",),
    "process",
    {"of": ("store", "vendors")},
)
CANARY_RUNS = Metric(
    "sayso_canary_runs",
    "counter",
    "Canary conversions, by whether they arrived, were late or were not taken at all.",
    ("result",),
    "process",
    {"result": ("arrived", "late", "refused")},
)
CANARY_LEAKS = Metric(
    "sayso_canary_leaks",
    "counter",
    "Canary events without consent that were delivered. Each is a bug.",
    (),
    "process",
)
CANARY_LAST = Metric(
    "sayso_canary_last_arrival_timestamp_seconds",
    "gauge",
    "When a canary conversion arrived last, in Unix seconds; 0: not yet.",
    (),
    "process",
)
BUILD = Metric("sayso_build_info", "gauge", "1, with the version that runs.", ("version",), "process")

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
    FAILING,
    REQUESTS,
    _LAG,
    AGE_LIMIT,
    ENTRY_LIMIT,
    STORE_UP,
    _STORE_TIME,
    _STORE_ERRORS,
    STORE_MEMORY,
    STORE_MEMORY_LIMIT,
    STORE_CPU,
    AUDIT_LAG,
    _LOOP,
    _LOOP_CPU,
    _CPU,
    WORKERS,
    RESTARTS,
    RESIDENT,
    CLOCK,
    CANARY_RUNS,
    _CANARY,
    CANARY_LAST,
    CANARY_LEAKS,
    LOADED,
    LOADED_AT,
    BUILD,
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


HTTP_REQUESTS = _counter(REQUESTS)
DELIVERY_LAG = _histogram(_LAG)
REQUEST_BUCKETS, AGE_BUCKETS, LAG_BUCKETS = _REQUEST.buckets, _AGE.buckets, _LAG.buckets
STORE_DURATION = _histogram(_STORE_TIME)
STORE_ERRORS = _counter(_STORE_ERRORS)
LOOP_LAG = _histogram(_LOOP)
LOOP_CPU = _counter(_LOOP_CPU)
PROCESS_CPU = _counter(_CPU)
CANARY_DURATION = _histogram(_CANARY)


def prepare(sites: Iterable[Site]) -> None:
    """Make every counter of the configured sites and forwarders exist, at zero: a first increase is then seen."""
    for result in READS:
        CONSENT_READS.labels(result)
    for route in ROUTES:
        for status in CLASSES:
            HTTP_REQUESTS.labels(route, status)
    for operation in STORE_OPERATIONS:
        STORE_ERRORS.labels(operation)
    for site in sites:
        for reason in Invalid:
            EVENTS_INVALID.labels(site.name, reason.value)
        EVENTS_UNDECIDED.labels(site.name)
        CONSENT_LATE.labels(site.name)
        for link in site.links:
            EGRESS_VIOLATIONS.labels(site.name, link.name)
