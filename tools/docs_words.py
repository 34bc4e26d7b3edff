"""Words for closed sets whose members the code counts but does not explain; ``tools.make_docs`` prints them.

A member without words is a ``KeyError``, so that a new one cannot be forgotten.
"""

from proxy.reasons import Decision, Fault, Invalid, Outcome, OutcomeReason, Reason
from proxy.traces.spans import Attribute

DECISIONS: dict[Decision, str] = {
    Decision.FULL: "with what the visitor's consent allows this vendor to have",
    Decision.COOKIELESS: "an allowlist that names nobody",
    Decision.DROP: "nothing is stored for this forwarder, nothing is sent",
}

OUTCOMES: dict[Outcome, str] = {
    Outcome.DELIVERED: "the vendor accepted it",
    Outcome.REJECTED: "the vendor refused it for good, or surely would have",
    Outcome.DROPPED: "it was not to be sent: by decision, or because something changed while it waited",
    Outcome.EXPIRED: "it became too old before the vendor could be reached",
}

OUTCOME_REASONS: dict[OutcomeReason, tuple[str, str]] = {
    OutcomeReason.ACCEPTED: ("delivered", "the vendor's answer said so"),
    OutcomeReason.VENDOR_REJECTED: (
        "rejected",
        "the vendor refused this event, or surely would have; why is kept as a dead letter",
    ),
    OutcomeReason.VENDOR_UNAUTHORISED: (
        "expired",
        "it reached its age limit while its forwarder waited for an operator to mend what the vendor refused",
    ),
    OutcomeReason.TOO_OLD: ("expired", "it reached its age limit before it could be delivered"),
    OutcomeReason.OUTBOX_FULL: (
        "dropped",
        "the forwarder's outbox held its most entries when the event came",
    ),
    OutcomeReason.WITHDRAWN: ("dropped", "consent was gone when it was read again before sending"),
    OutcomeReason.ERASED: ("dropped", "the visitor's data was erased while it waited"),
    OutcomeReason.DISCARDED: ("dropped", "an operator threw it away"),
    OutcomeReason.EGRESS_VIOLATION: (
        "dropped",
        "the request held something that its mode may not hold; it was not sent, and this is a bug of ours",
    ),
    OutcomeReason.UNMAPPABLE: (
        "rejected",
        "no request could be made of it",
    ),
}

INVALID: dict[Invalid, str] = {
    Invalid.MALFORMED: "not JSON, broken off, or too slow",
    Invalid.NAME: "the event's name is missing or not a letter followed by letters, digits and `_`, at most 40; at"
    " `/mp/collect` also a name that Google reserves, and the same for parameters and user properties",
    Invalid.TIMESTAMP: "more than 72 hours old, more than 5 minutes ahead, or not a whole number of milliseconds",
    Invalid.TOO_LARGE: "a text is longer than its field takes, or the body is over 64 KiB",
    Invalid.TOO_MANY: "over 100 events (25 at `/mp/collect`), or over the limit of a list in one event",
    Invalid.TOO_DEEP: "more than 8 levels of lists and objects",
    Invalid.ORIGIN: "the page is not listed among the site's origins, or a backend's ingest key is wrong",
    Invalid.TYPE: "a value is of the wrong kind, or the body's media type is wrong",
    Invalid.MISSING: "`/mp/collect`: something is not there that has to be, such as `client_id`",
    Invalid.STREAM: "`/mp/collect`, `/g/collect`: the measurement id is that of none of the site's forwarders; or an app's"
    " events were sent",
    Invalid.NOT_STORED: "the store could not take it: its client was told so (503) and may send it again; a pixel got its image",
}

FAULTS: dict[Fault, str] = {
    Fault.MALFORMED: "the body is not JSON, or did not arrive whole within 15 seconds",
    Fault.TYPE: "the body is of the wrong shape, or a consent statement has an unknown key or value",
    Fault.TIMESTAMP: "`decided_at` is not Unix time in milliseconds, or more than 5 minutes ahead",
    Fault.TOO_LARGE: "the body is over 64 KiB",
    Fault.TOO_MANY: "over 100 events in one request",
    Fault.TOO_DEEP: "more than 8 levels of lists and objects",
    Fault.NO_EVENTS: "the list of events is empty",
    Fault.ORIGIN: "the page is not listed among the site's origins, or a backend's ingest key is wrong",
    Fault.UNKNOWN_SITE: "no site is served on this host",
    Fault.UNKNOWN_ROUTE: "there is no such route on this site",
    Fault.METHOD: "the route does not take this method; `Allow` names those that it takes",
    Fault.MEDIA_TYPE: "neither JSON nor text, or compressed",
    Fault.RATE_LIMIT: "this network sent too much in this minute; `Retry-After` says when to come back",
    Fault.STORE_UNAVAILABLE: "the store cannot take it now; send it again, `Retry-After` says when",
    Fault.INTERNAL: "a bug of ours; the log names file and line",
}

NOT_YET: frozenset[Reason | OutcomeReason] = frozenset(
    {
        Reason.BOT,
        Reason.SENSITIVE_PAGE,
    }
)
"""Members that are reserved: nothing gives them in this release."""

STORE_KEYS: dict[str, tuple[str, str]] = {
    "counts": ("hash", "the partition's counters, see below"),
    "clock": (
        "string",
        "the partition's time, by which delays are measured, Unix ms: the store's, but it never goes back",
    ),
    "workers": ("sorted set", "delivery workers by the time of their last sign of life, Unix ms"),
    "seen": (
        "string",
        "one key per client-made event id, for 48 hours; and one per stored group, for 60 seconds",
    ),
    "stream": ("stream", "the outbox: one entry per event, field `e`"),
    "parked": ("sorted set", "ids of entries that wait to be tried again, by when, Unix ms"),
    "tries": ("hash", "how often an entry was tried, by id"),
    "dead": (
        "stream",
        "dead letters: fields `e` (the entry), `o` (outcome and reason), `w` (the vendor's words)",
    ),
    "sent": (
        "stream",
        "delivered entries, kept for `sayso replay`: field `e`; dated by their delivery, at most `replay_entries`",
    ),
    "trail": (
        "stream",
        "what the audit trail is to say, until it is written to its files: `a`, `m` and `x`, or `s` and `w`, see below",
    ),
    "asks": ("sorted set", "references that the vendor is to be asked about later, by when, Unix ms"),
    "report": ("hash", "what the conversions of a day come to (`2026-11-22`), see below"),
}

_FOR_GOOD = "no expiry"
SINGLE_KEYS: dict[str, tuple[str, str, str]] = {
    "campaigns": (
        "hash",
        "by campaign: conversions of a day by that name, clicks, and value by currency, see below",
        "`[report] keep_days`",
    ),
    "id key": (
        "string",
        "the key from which vendors' visitor ids are derived, 64 hex digits; absent where `id_key` is set",
        _FOR_GOOD,
    ),
    "partitions": ("string", "how many partitions this store was set up with", _FOR_GOOD),
    "states": (
        "hash",
        "by `SITE|FORWARDER`: JSON that says how a forwarder is; absent while it runs",
        "while it does not run",
    ),
    "orders": (
        "hash",
        "by `SITE|FORWARDER`: an operator's order, `pause` or `resume|TIME` (Unix ms)",
        _FOR_GOOD,
    ),
    "audit": (
        "hash",
        "by chain of the [audit trail](audit.md): JSON with `number` and `hash` of its last row, `where` and `at`",
        _FOR_GOOD,
    ),
    "audit day keys": (
        "hash",
        "by day: the key by which that day's rows of a visitor can be found, 64 hex digits",
        "`link_days`",
    ),
    "audit lease": (
        "string",
        "the process that writes the audit trail, so that no other does meanwhile",
        "5 seconds",
    ),
    "withdrawn": (
        "sorted set",
        "`SITE|VISITOR` of those who have withdrawn and whose waiting entries are still to be looked for, by when, Unix ms",
        "until that is done, 73 hours at most",
    ),
    "sweeper": ("string", "the worker that looks for them, so that no other does meanwhile", "2 minutes"),
    "ended login": (
        "string",
        "somebody has logged out of the dashboard: that login (32 hex digits, drawn by chance) is taken no more",
        "12 hours",
    ),
    "probe": ("string", "written by `/readyz` to see whether the store takes writes", "60 seconds"),
    "record": ("hash", "the visitor's consent record, see below", "`consent_max_age_days` + 30 days"),
    "session": ("string", "start of the visitor's session, Unix s", "30 minutes"),
    "history": (
        "list",
        "what the visitor has decided, one JSON object for each decision, see below; at most 200",
        "`record_keep_days`, else as the record",
    ),
    "attribution": (
        "hash",
        "what brought a consenting visitor: first campaign and newest ad clicks, see below",
        "`attribution_days`, but no longer than the id or the consent",
    ),
}
"""Keys that there is one of: type, what it holds, how long it lives."""

TRACE_ATTRIBUTES: dict[Attribute, str] = {
    Attribute.SITE: "the site's name",
    Attribute.FORWARDER: "the forwarder's name",
    Attribute.ROUTE: "`collect`, `pixel`, `g_collect` or `mp_collect`",
    Attribute.DECISION: "`full`, `cookieless` or `drop`; of a delivery: the mode in which it went",
    Attribute.OUTCOME: "how the entry ended; or `retry` (later), `again` (at once), `lowered` (to its cookieless form), `given_back`",
    Attribute.REASON: "why: a [reason](reasons.md)",
    Attribute.ATTEMPT: "which attempt of the entry, from 1",
    Attribute.EVENTS: "how many events were in the request",
    Attribute.STATUS: "the answer's status: ours, or the vendor's; 0: none came",
}
