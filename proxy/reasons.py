"""Every closed set of words that Sayso counts, explains and documents.

Metrics, ``explain``, the dashboard and the docs all read these enums; a free string never becomes a reason.
"""

from enum import StrEnum


class Decision(StrEnum):
    """What may go to one forwarder for one event."""

    FULL = "full"
    COOKIELESS = "cookieless"
    DROP = "drop"


class Outcome(StrEnum):
    """How an entry ended. Until then it is ``pending``."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    DROPPED = "dropped"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why a decision is what it is.

    From ``GRANTED`` to ``CONSENT_UNKNOWN`` the members stand in the order of precedence: a decision that is less
    than full carries the first of them that applies to a signal it needed.
    """

    GRANTED = "granted"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONSENT_UNREADABLE = "consent_unreadable"
    WITHDRAWN = "withdrawn"
    GPC = "gpc"
    OBJECTION = "objection"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_DENIED = "consent_denied"
    CONSENT_UNKNOWN = "consent_unknown"
    NO_IDENTIFIER = "no_identifier"
    NOT_CONFIGURED = "not_configured"
    DUPLICATE = "duplicate"
    BOT = "bot"
    SENSITIVE_PAGE = "sensitive_page"


class OutcomeReason(StrEnum):
    """Why an entry ended as it did, where the decision's own reason does not already say so."""

    ACCEPTED = "accepted"
    VENDOR_REJECTED = "vendor_rejected"
    VENDOR_UNAUTHORISED = "vendor_unauthorised"
    TOO_OLD = "too_old"
    OUTBOX_FULL = "outbox_full"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"
    DISCARDED = "discarded"
    EGRESS_VIOLATION = "egress_violation"
    UNMAPPABLE = "unmappable"


class Invalid(StrEnum):
    """Why something sent to us could not be taken as an event or a consent state."""

    MALFORMED = "malformed"
    NAME = "name"
    TIMESTAMP = "timestamp"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_DEEP = "too_deep"
    ORIGIN = "origin"
    TYPE = "type"
    MISSING = "missing"
    STREAM = "stream"
    """It names a data stream of Google Analytics that no forwarder of the site sends to."""
    NOT_STORED = "not_stored"
    """The store could not take it: its client was told so (503) and may send it again; a pixel got its image."""


# In words, for people: ``explain``, the demo and the dashboard.
IN_WORDS: dict[Reason, str] = {
    Reason.GRANTED: "the visitor consented to all that this vendor needs",
    Reason.LEGITIMATE_INTEREST: "sent on legitimate interest; the visitor has not objected",
    Reason.CONSENT_UNREADABLE: "what tells of the consent could not be read, so it is not taken as given",
    Reason.WITHDRAWN: "the visitor has withdrawn their consent",
    Reason.GPC: "the browser asks not to be tracked (Global Privacy Control)",
    Reason.OBJECTION: "the visitor has objected",
    Reason.CONSENT_EXPIRED: "the consent is older than this site lets it count",
    Reason.CONSENT_DENIED: "the visitor said no",
    Reason.CONSENT_UNKNOWN: "the visitor has not answered yet",
    Reason.NO_IDENTIFIER: "nothing in the event lets this vendor recognise the click or the customer",
    Reason.NOT_CONFIGURED: "this event is not set up for this vendor",
    Reason.DUPLICATE: "the same event was received before",
    Reason.BOT: "the request came from a robot",
    Reason.SENSITIVE_PAGE: "the page is marked as sensitive",
}


OUTCOMES_IN_WORDS: dict[OutcomeReason, str] = {
    OutcomeReason.ACCEPTED: "the vendor accepted it",
    OutcomeReason.VENDOR_REJECTED: "the vendor refused it, or surely would have",
    OutcomeReason.VENDOR_UNAUTHORISED: "the vendor refused our credentials until it was too old",
    OutcomeReason.TOO_OLD: "it became too old before it could be delivered",
    OutcomeReason.OUTBOX_FULL: "too much was waiting for this vendor already",
    OutcomeReason.WITHDRAWN: "the visitor took their consent back before it was sent, or the consent ran out",
    OutcomeReason.ERASED: "the visitor's data was erased before it was sent",
    OutcomeReason.DISCARDED: "an operator threw it away",
    OutcomeReason.EGRESS_VIOLATION: "the request held something that it may not hold; this is a bug of ours",
    OutcomeReason.UNMAPPABLE: "no request could be made of it",
}


class Fault(StrEnum):
    """Why a whole request was refused: the ``reason`` of an error answer where no single event is at fault."""

    MALFORMED = "malformed"
    TYPE = "type"
    TIMESTAMP = "timestamp"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_DEEP = "too_deep"
    NO_EVENTS = "no_events"
    ORIGIN = "origin"
    UNKNOWN_SITE = "unknown_site"
    UNKNOWN_ROUTE = "unknown_route"
    METHOD = "method"
    MEDIA_TYPE = "media_type"
    RATE_LIMIT = "rate_limit"
    STORE_UNAVAILABLE = "store_unavailable"
    INTERNAL = "internal"
