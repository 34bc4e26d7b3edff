"""Other sources put on the scales beside record, refusal cookie and the event's own word. Pure.

``proxy.consent.combine`` says what the latter three amount to. Here banner cookies, Consent Mode parameters, TC strings
and the like are added to it, by the same rules: a source with a decision time competes by that time; one without may
fill in what is unknown, or lower for this event alone. What cannot be understood lets nothing be granted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

from proxy.consent import FUTURE_MS, Record, Refusal, Unreadable
from proxy.reasons import Reason
from proxy.signals import ALL_UNKNOWN, ConsentState, Signals, Value
from proxy.sources.said import Said


class Source(StrEnum):
    """Where a word on consent came from: a closed set, as metrics name it."""

    RECORD = "record"
    REFUSAL = "refusal"
    EVENT = "event"
    CONSENT_MODE = "consent_mode"
    TCF = "tcf"
    CMP = "cmp"
    GPP = "gpp"
    GPC = "gpc"


@dataclass(frozen=True, slots=True)
class Word:
    """What a source said. ``name`` stands as the source in a record that is written of it."""

    source: Source
    said: Said
    name: str


# Nothing lifts these: a withdrawal is for good, GPC is lifted by a stored grant alone, and the unreadable stays so.
_FIRM = frozenset({Reason.WITHDRAWN, Reason.GPC, Reason.CONSENT_UNREADABLE})


def weigh(
    state: ConsentState,
    words: Sequence[Word],
    *,
    record: Record | Unreadable | None,
    refusal: Refusal | Unreadable | None,
    own: Signals,
    now_ms: int,
    max_age_ms: int,
    made_ms: int | None = None,
) -> ConsentState:
    """Return the state that an event is decided on where other sources speak too.

    Args:
        state: what record, refusal cookie, the event's own consent and GPC amount to.
        words: what the other sources say.
        record: the stored record.
        refusal: the refusal cookie.
        own: the event's own consent.
        now_ms: the time of receipt.
        max_age_ms: how long a grant counts.
        made_ms: when the event was made, if before its receipt.
    """
    speaking = [word for word in words if word.said.signals is not ALL_UNKNOWN or not word.said.readable]
    if not speaking or isinstance(record, Unreadable) or isinstance(refusal, Unreadable):
        return state
    if not all(word.said.readable for word in speaking):
        return replace(state, signals=ALL_UNKNOWN, why=(Reason.CONSENT_UNREADABLE,) * 4, garbled=True)
    values: list[Value] = []
    why: list[Reason] = []
    for position in range(4):
        value, reason = state.signals.values()[position], state.why[position]
        if reason not in _FIRM:
            value, reason = _timed(
                value, reason, position, speaking, record, refusal, own, now_ms, max_age_ms, made_ms
            )
            value, reason = _untimed(value, reason, position, speaking)
        values.append(value)
        why.append(reason)
    return ConsentState(
        Signals.of(values[0], values[1], values[2], values[3]),
        (why[0], why[1], why[2], why[3]),
        source=_name(state, speaking),
        decided_at=max(state.decided_at, *(word.said.decided_at or 0 for word in speaking)),
        gpc=state.gpc,
        explicit=state.explicit or any(word.said.chosen for word in speaking),
        garbled=Reason.CONSENT_UNREADABLE in why and Reason.CONSENT_UNREADABLE not in state.why,
    )


def _timed(
    value: Value,
    reason: Reason,
    position: int,
    words: Sequence[Word],
    record: Record | None,
    refusal: Refusal | None,
    own: Signals,
    now_ms: int,
    max_age_ms: int,
    made_ms: int | None,
) -> tuple[Value, Reason]:
    """Let the newest explicit decision win, a denial if two are of the same moment."""
    stored_at = _stored_at(record, refusal, position)
    newest: tuple[int, bool] | None = None
    for word in words:
        stated, at = word.said.signals.values()[position], word.said.decided_at
        if stated is not Value.UNKNOWN and at is not None:
            newest = max(newest or (0, False), (at, stated is Value.DENIED))
    if newest is None:
        return value, reason
    at, denied = newest
    if denied and at >= stored_at:
        return Value.DENIED, Reason.CONSENT_DENIED
    if denied or at <= stored_at or own.values()[position] is Value.DENIED:
        return value, reason
    if made_ms is not None and made_ms < at and value is Value.DENIED:
        return value, reason  # made while it was denied: no later grant releases it
    return _grant(at, now_ms, max_age_ms)


def _grant(at: int, now_ms: int, max_age_ms: int) -> tuple[Value, Reason]:
    """Return what a grant of that moment (Unix ms) is worth now."""
    if at > now_ms + FUTURE_MS or at <= 0:
        return Value.UNKNOWN, Reason.CONSENT_UNREADABLE
    if at < now_ms - max_age_ms:
        return Value.UNKNOWN, Reason.CONSENT_EXPIRED
    return Value.GRANTED, Reason.GRANTED


def _untimed(value: Value, reason: Reason, position: int, words: Sequence[Word]) -> tuple[Value, Reason]:
    """Let sources without a time fill in what nobody knows, or lower."""
    stated = {word.said.signals.values()[position] for word in words if word.said.decided_at is None}
    if Value.DENIED in stated:
        return Value.DENIED, Reason.CONSENT_DENIED
    if Value.GRANTED in stated and reason is Reason.CONSENT_UNKNOWN:
        return Value.GRANTED, Reason.GRANTED
    return value, reason


def _stored_at(record: Record | None, refusal: Refusal | None, position: int) -> int:
    """Return when the signal was last decided as far as we remember (Unix ms); 0: never."""
    at = 0
    if record is not None:
        at = record.settled_at(position)
    if refusal is not None and refusal.signals.values()[position] is Value.DENIED:
        at = max(at, refusal.decided_at)
    return at


def _name(state: ConsentState, words: Sequence[Word]) -> str:
    """Return who is named as the source: whoever spoke last, as far as they say when."""
    latest = max(words, key=lambda word: word.said.decided_at or 0)
    at = latest.said.decided_at or 0
    return state.source if state.source and state.decided_at >= at else latest.name


def disagreements(
    record: Record | Unreadable | None,
    refusal: Refusal | Unreadable | None,
    own: Signals,
    words: Sequence[Word],
) -> list[tuple[Source, Source]]:
    """Return the pairs of sources of which one grants what the other denies, each pair once, in the order of ``Source``."""
    said: list[tuple[Source, Signals]] = []
    if isinstance(record, Record):
        said.append((Source.RECORD, record.signals))
    if isinstance(refusal, Refusal):
        said.append((Source.REFUSAL, refusal.signals))
    said.append((Source.EVENT, own))
    said += ((word.source, word.said.signals) for word in words)
    said = [one for one in said if one[1] is not ALL_UNKNOWN]
    order = list(Source)
    found: list[tuple[Source, Source]] = []
    for first, second in combinations(said, 2):
        if first[0] is not second[0] and _differ(first[1], second[1]):
            pair = sorted((first[0], second[0]), key=order.index)
            if (pair[0], pair[1]) not in found:
                found.append((pair[0], pair[1]))
    return found


def _differ(one: Signals, other: Signals) -> bool:
    explicit = {Value.GRANTED, Value.DENIED}
    return any({a, b} == explicit for a, b in zip(one.values(), other.values(), strict=True))
