"""Spans, and all that one may say: a closed list of attributes, each with a closed set of values. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proxy.metrics import ROUTES
from proxy.reasons import Decision, Outcome, OutcomeReason, Reason


class Name(StrEnum):
    """What a span is of."""

    COLLECT = "collect"
    DECIDE = "decide"
    DELIVER = "deliver"


class Attribute(StrEnum):
    """Everything that is ever told. ``EVENTS``: how many share the request."""

    SITE = "sayso.site"
    FORWARDER = "sayso.forwarder"
    ROUTE = "sayso.route"
    DECISION = "sayso.decision"
    OUTCOME = "sayso.outcome"
    REASON = "sayso.reason"
    ATTEMPT = "sayso.attempt"
    EVENTS = "sayso.events"
    STATUS = "http.response.status_code"


class Pending(StrEnum):
    """What an attempt came to that did not end its entry."""

    RETRY = "retry"
    """It is tried again later."""
    AGAIN = "again"
    """It goes again at once: in a smaller request, or with a new token."""
    LOWERED = "lowered"
    """Its cookieless form takes its place."""
    GIVEN_BACK = "given_back"
    """It waits for an operator, or for another process."""


OTHER: Final = "other"
"""Stands for a value that is in no closed set."""
DECISION_EVENT: Final = "decision"
"""What a ``decide`` span tells once per forwarder."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""What the configuration takes as the name of a site or a forwarder."""
_WORDS: Final[Mapping[Attribute, frozenset[str]]] = {
    Attribute.ROUTE: frozenset(ROUTES),
    Attribute.DECISION: frozenset(Decision),
    Attribute.OUTCOME: frozenset(Outcome) | frozenset(Pending),
    Attribute.REASON: frozenset(Reason) | frozenset(OutcomeReason),
}
_NUMBERS: Final = frozenset({Attribute.ATTEMPT, Attribute.EVENTS, Attribute.STATUS})

Value = str | int
Attributes = Mapping[Attribute, Value]


class UndeclaredError(Exception):
    """A span was to tell something that is not on the list: a bug of ours."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are Unix nanoseconds; ``parent_id`` 0 is none. ``moments``: decisions, at the end of the span."""

    name: Name
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    moments: Sequence[Attributes] = ()


Put = Callable[[Span], None]


def told(attributes: Mapping[Attribute, Value]) -> dict[str, Value]:
    """Return attributes as they go out: plain, each within its closed set.

    Raises:
        UndeclaredError: one is not on the list.
    """
    found: dict[str, Value] = {}
    for key, value in attributes.items():
        if not isinstance(key, Attribute):
            raise UndeclaredError("an attribute is not on the list")
        found[key.value] = _fitting(key, value)
    return found


def _fitting(key: Attribute, value: Value) -> Value:
    if key in _NUMBERS:
        return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0
    if not isinstance(value, str):
        return OTHER
    words = _WORDS.get(key)
    fits = _NAME.fullmatch(value) is not None if words is None else value in words
    return str(value) if fits else OTHER
