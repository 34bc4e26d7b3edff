"""From entries in hand to a request that may leave, or to what becomes of those that stand in its way. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from forwarders.base import Forwarder, Request
from proxy.delivery.dating import dated
from proxy.delivery.egress import Egress, Violation
from proxy.delivery.triage import MAPPING_ERRORS, Fit, InHand, Ping, halves, unmappable
from proxy.reasons import Decision, Outcome, OutcomeReason
from proxy.store.claims import End, Operation


@dataclass(frozen=True, slots=True, repr=False)
class Mapped:
    """A request that may leave, without authentication; ``body`` is its JSON or text, empty if there is none."""

    request: Request
    body: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Apart:
    """Why a batch does not go as it is: what ends, what is tried again in which parts, and what was found where."""

    operations: list[Operation] = field(default_factory=list)
    again: list[list[InHand]] = field(default_factory=list)
    violations: list[tuple[str, Violation]] = field(default_factory=list)
    """An entry's ref and what its request must not have held."""


def mode_of(entries: Sequence[InHand]) -> Decision:
    """Return the mode of entries that go together."""
    return Decision.COOKIELESS if isinstance(entries[0], Ping) else Decision.FULL


def build(
    entries: Sequence[InHand], forwarder: Forwarder, egress: Egress, fit: Fit, latest_ms: int
) -> Mapped | Apart:
    """Map entries to one request.

    Args:
        entries: one ``Ping``, or ``Full`` ones of one batch key.
        forwarder: who maps them.
        egress: its rules.
        fit: learns how large its events are.
        latest_ms: the latest time that the request may tell, Unix ms.
    """
    try:
        entries = dated(entries, forwarder, latest_ms)
        mapped = _map(entries, forwarder)
    except MAPPING_ERRORS as error:
        return _without_unmappable(entries, forwarder, type(error).__name__)
    if len(entries) > 1:
        fit.learn(len(entries), len(mapped.body))
        if len(mapped.body) > forwarder.batch.max_bytes:
            return Apart(again=halves(entries))
    violation = egress.check(mapped.request, mapped.body, mode_of(entries))
    return mapped if violation is None else _without_violating(entries, forwarder, egress, violation)


def _map(entries: Sequence[InHand], forwarder: Forwarder) -> Mapped:
    first = entries[0]
    if isinstance(first, Ping):
        request = forwarder.cookieless(first.event)
    else:
        request = forwarder.full([one.event for one in entries if not isinstance(one, Ping)])
    if request.text is not None:
        return Mapped(request, request.text.encode())
    return Mapped(request, b"" if request.body is None else orjson.dumps(request.body))


def _without_unmappable(entries: Sequence[InHand], forwarder: Forwarder, words: str) -> Apart:
    if len(entries) == 1:
        return Apart([unmappable(entries[0].id, words)])
    good: list[InHand] = []
    bad: list[Operation] = []
    for one in entries:
        try:
            _map([one], forwarder)
        except MAPPING_ERRORS as error:
            bad.append(unmappable(one.id, type(error).__name__))
        else:
            good.append(one)
    if not bad:  # each goes alone, but not together
        return Apart(again=halves(entries))
    return Apart(bad, [good] if good else [])


def _without_violating(
    entries: Sequence[InHand], forwarder: Forwarder, egress: Egress, violation: Violation
) -> Apart:
    good: list[InHand] = []
    bad: list[tuple[InHand, Violation]] = []
    for one in entries:
        found: Violation | None = violation
        if len(entries) > 1:
            mapped = _map([one], forwarder)
            found = egress.check(mapped.request, mapped.body, mode_of([one]))
        if found is None:
            good.append(one)
        else:
            bad.append((one, found))
    if not bad:
        return Apart(again=halves(entries))
    operations: list[Operation] = [
        End(one.id, Outcome.DROPPED, OutcomeReason.EGRESS_VIOLATION) for one, _ in bad
    ]
    return Apart(operations, [good] if good else [], [(one.entry.ref, found) for one, found in bad])
