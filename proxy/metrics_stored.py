"""What is counted in the store, or read from it at each scrape: names, help, labels. See ``proxy.metrics`` for the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from proxy.reasons import Decision, Outcome, OutcomeReason, Reason


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


LINK = ("site", "forwarder")

RECEIVED = Metric("sayso_events_received", "counter", "Valid events that were stored.", ("site",))
DECISIONS = Metric(
    "sayso_decisions",
    "counter",
    "Decisions by event and forwarder.",
    (*LINK, "decision", "reason"),
    values={"decision": tuple(Decision), "reason": tuple(Reason)},
)
OUTCOMES = Metric(
    "sayso_outcomes",
    "counter",
    "How entries ended.",
    (*LINK, "outcome", "reason"),
    values={"outcome": tuple(Outcome), "reason": tuple(dict.fromkeys([*OutcomeReason, *Reason]))},
)
ENTRIES = Metric("sayso_outbox_entries", "gauge", "Entries that have not ended yet.", LINK)
OLDEST = Metric(
    "sayso_outbox_oldest_seconds",
    "gauge",
    "Age of the oldest entry that has not ended yet, in seconds; 0 where there is none.",
    LINK,
)
DEAD_LETTERS = Metric("sayso_dead_letters", "gauge", "Refused entries that are kept to be looked at.", LINK)
LATE_REFUSALS = Metric(
    "sayso_vendor_late_refusals",
    "counter",
    "Events that the vendor refused after having accepted them, as far as it says.",
    LINK,
)
WITHDRAWN = Metric(
    "sayso_consent_withdrawn_in_outbox",
    "counter",
    "Entries that were lowered or dropped because consent was gone when it was read again.",
    LINK,
)
PAUSERS = ("vendor", "operator")
PAUSED = Metric(
    "sayso_forwarder_paused",
    "gauge",
    "1 while a forwarder sends nothing: what its vendor refuses must be mended, or an operator has paused it.",
    (*LINK, "by"),
    values={"by": PAUSERS},
)
FAILING = Metric(
    "sayso_forwarder_failing",
    "gauge",
    "1 while a forwarder's vendor does not answer or answers with errors, and its entries wait for the next attempt.",
    LINK,
)
AGE_LIMIT = Metric(
    "sayso_outbox_age_limit_seconds",
    "gauge",
    "The age at which a full entry is expired: 72 hours, or the vendor's own limit, in seconds.",
    LINK,
)
ENTRY_LIMIT = Metric(
    "sayso_outbox_limit_entries",
    "gauge",
    "Entries that all partitions of an outbox hold at most; past that, `when_full` says what happens.",
)
STORE_MEMORY = Metric("sayso_store_memory_bytes", "gauge", "Memory that the store uses, in bytes.")
STORE_MEMORY_LIMIT = Metric(
    "sayso_store_memory_limit_bytes",
    "gauge",
    "Memory that the store may use, in bytes; 0 where it has no bound.",
)
STORE_CPU = Metric("sayso_store_cpu_seconds", "counter", "CPU time of the store's server, in seconds.")
AUDIT_LAG = Metric(
    "sayso_audit_lag_seconds",
    "gauge",
    "For how long the oldest row of the audit trail has waited to be written to its file, in seconds; 0 where none does.",
)
STORE_UP = Metric(
    "sayso_store_up", "gauge", "1 if the store answered this scrape and takes new events, else 0."
)

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
