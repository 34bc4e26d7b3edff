"""What is left of a full entry's consent when a part of it was taken back while the entry waited. Pure.

A full Google Analytics entry stands on statistics alone, yet it may hold click ids and contact hashes that stood on the
ad signals. If those are refused later, the entry still may go, but with less in it.
"""

from typing import Final

from proxy.consent import FUTURE_MS, Four, Record, denied_since
from proxy.signals import Signals, Value

_ALLOWS: Final = {Value.DENIED: 0, Value.UNKNOWN: 1, Value.GRANTED: 2}


def narrowed(
    held: Signals, record: Record, *, read_at: int, now_ms: int, max_age_ms: int, known: Four | None = None
) -> Signals:
    """Return the signals of an entry that still may go out: granted is only what is granted still.

    As in ``still_allows``, what the record does not know changes nothing. Nothing is ever raised.

    Args:
        held: as they were when the entry was made.
        record: what the store holds now.
        read_at: store time (ms) at which the consent of the entry was read; a denial from then on counts for good.
        now_ms: now.
        max_age_ms: how long a grant counts.
        known: see ``denied_since``.
    """
    oldest, newest, times, denied_at = now_ms - max_age_ms, now_ms + FUTURE_MS, record.times, record.denied_at
    unchanged = max(denied_at) < read_at if known is None else denied_at == known
    if unchanged and held is record.signals and oldest <= min(times) and max(times) <= newest:
        return held  # nothing has changed since, as nearly always
    values = list(held.values())
    for position, stored in enumerate(record.signals.values()):
        if stored is Value.DENIED or denied_since(record, position, read_at=read_at, known=known):
            values[position] = Value.DENIED
        elif stored is Value.GRANTED and values[position] is Value.GRANTED:
            time = times[position] or record.decided_at
            if not oldest <= time <= newest:
                values[position] = Value.UNKNOWN
    return Signals.of(*values)


def stricter(one: Signals, other: Signals) -> Signals:
    """Return for each signal the value that allows less."""
    pairs = zip(one.values(), other.values(), strict=True)
    return Signals.of(*(min(pair, key=_ALLOWS.__getitem__) for pair in pairs))
