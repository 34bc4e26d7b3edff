"""Many sources, one consent state: the rules by which they are combined. Pure.

A source with a decision time competes by that time; one without may fill in what is unknown or lower for this event
alone. Nothing here ever reads more into a source than it says: what is absent is unknown, what is impossible is not
granted.
"""

from dataclasses import dataclass
from enum import Enum

from proxy.reasons import Reason
from proxy.signals import ALL_UNKNOWN, ConsentState, Signals, Value

# A decision time further ahead than this cannot have been made by an honest clock.
FUTURE_MS = 5 * 60 * 1000
_AD = (False, True, True, True)
_BEFORE_GPC = frozenset({Reason.CONSENT_UNREADABLE, Reason.WITHDRAWN})


class Unreadable(Enum):
    """A source that is there but cannot be understood. It is never taken for silence."""

    UNREADABLE = "unreadable"


UNREADABLE = Unreadable.UNREADABLE


@dataclass(frozen=True, slots=True)
class Record:
    """A visitor's stored consent. Times are Unix ms.

    ``times`` holds each signal's own decision time; ``denied_at`` when the store last took a denial of it (0: never),
    another number for each denial.
    ``tombstone`` marks a record under which nothing may be sent in full any more, whatever comes later.
    """

    signals: Signals
    source: str
    decided_at: int
    gpc: bool = False
    policy_version: str = ""
    proof: str = ""
    times: tuple[int, int, int, int] = (0, 0, 0, 0)
    denied_at: tuple[int, int, int, int] = (0, 0, 0, 0)
    tombstone: bool = False
    claimed: tuple[int, int, int, int] = (0, 0, 0, 0)
    """The newest time that a grant of each has claimed for itself, where that was ahead of the store's clock."""
    since: tuple[int, int, int, int] = (0, 0, 0, 0)
    """When each that is granted was granted, before it was only confirmed; 0: ``times`` counts."""

    @property
    def erased(self) -> bool:
        """Whether it is what an erasure has left: no decision of anybody."""
        return self.tombstone and self.source == "erased" and not self.policy_version

    def settled_at(self, position: int) -> int:
        """Return what a grant must be newer than to change this signal, Unix ms; 0 if it is unknown so far.

        A grant of a clock that was ahead, which comes once more after a denial, is not newer than itself.
        """
        value = self.signals.values()[position]
        if value is Value.UNKNOWN and not self.tombstone:
            return 0
        at = self.times[position] or self.decided_at
        return max(at, self.claimed[position]) if value is Value.DENIED or self.tombstone else at


Four = tuple[int, int, int, int]


def denied_since(record: Record, position: int, *, read_at: int, known: Four | None) -> bool:
    """Tell whether a signal was denied after the consent of an entry was read, even if it was granted again since.

    The store marks each denial with a new ``denied_at``, so another mark is another denial: whatever the clocks did.

    Args:
        record: what the store holds now.
        position: which signal.
        read_at: store time (ms) at which the consent was read.
        known: the marks that the record bore then; None where the entry does not say (one of an older version): then the
            times decide. A denial of the same millisecond may have come after the read.
    """
    mark = record.denied_at[position]
    return mark >= read_at if known is None else mark not in {0, known[position]}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the refusal cookie says: a state without a basis for an id, and when it was decided (Unix ms)."""

    signals: Signals
    decided_at: int


def combine(
    record: Record | Unreadable | None,
    refusal: Refusal | Unreadable | None,
    said: Signals,
    *,
    gpc: bool,
    now_ms: int,
    max_age_ms: int,
    made_ms: int | None = None,
) -> ConsentState:
    """Return the state that one event is decided on.

    Args:
        record: the stored record.
        refusal: the refusal cookie.
        said: the event's own ``consent``, which has no time.
        gpc: whether the request carried ``Sec-GPC: 1``.
        now_ms: the time of receipt.
        max_age_ms: how long a grant counts.
        made_ms: when the event was made, if before its receipt: a grant that came later does not release what was made
            while the signal was denied.
    """
    if isinstance(record, Unreadable) or isinstance(refusal, Unreadable):
        return ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNREADABLE,) * 4, gpc=gpc)
    if record is None and refusal is None and said is ALL_UNKNOWN and not gpc:
        return _SILENCE
    late = made_ms is not None and record is not None and made_ms < record.decided_at
    if record is not None and refusal is None and said is ALL_UNKNOWN and not (gpc or late):
        state = _plain(record, now_ms - max_age_ms, now_ms + FUTURE_MS)
        if state is not None:
            return state
    stored = record.signals.values() if record is not None else _NOTHING
    refused = refusal.signals.values() if refusal is not None else _NOTHING
    own = said.values()
    values: list[Value] = []
    why: list[Reason] = []
    for position in range(4):
        value, reason = _timed(
            record, refusal, stored[position], refused[position], position, now_ms, max_age_ms
        )
        value, reason = _released(value, reason, record, position, made_ms) if late else (value, reason)
        if own[position] is Value.DENIED and value is not Value.DENIED:
            value = Value.DENIED
            reason = reason if reason is Reason.CONSENT_UNREADABLE else Reason.CONSENT_DENIED
        elif own[position] is Value.GRANTED and reason is Reason.CONSENT_UNKNOWN:
            value, reason = Value.GRANTED, Reason.GRANTED
        if gpc and _AD[position]:
            given_with_gpc = record is not None and record.gpc and stored[position] is Value.GRANTED
            if not (given_with_gpc and value is Value.GRANTED):
                value = Value.DENIED
                reason = reason if reason in _BEFORE_GPC else Reason.GPC
        values.append(value)
        why.append(reason)
    return ConsentState(
        Signals.of(values[0], values[1], values[2], values[3]),
        (why[0], why[1], why[2], why[3]),
        source=_source(record, refusal, said),
        decided_at=record.decided_at
        if record is not None
        else (refusal.decided_at if refusal is not None else 0),
        gpc=gpc,
        explicit=record is not None or refusal is not None or said is not ALL_UNKNOWN,
    )


def _released(
    value: Value, reason: Reason, record: Record | None, position: int, made_ms: int | None
) -> tuple[Value, Reason]:
    """Keep denied what was denied when the event was made: a grant that came later does not release it."""
    if value is not Value.GRANTED or record is None or made_ms is None or not record.denied_at[position]:
        return value, reason
    # Only the last denial is remembered, and there may have been others before it. So what was made before the present
    # grant began stays denied, whenever that was: either it was made while denied, or a denial has ended it since.
    since = record.since[position]
    if since < record.denied_at[position]:
        since = record.times[position] or record.decided_at
    if made_ms < since:
        return Value.DENIED, Reason.CONSENT_DENIED
    return value, reason


def _source(record: Record | None, refusal: Refusal | None, said: Signals) -> str:
    if record is not None:
        return record.source
    if refusal is not None:
        return "refusal"
    return "gpc" if said is ALL_UNKNOWN else "event"


_WHY = {
    Value.GRANTED: Reason.GRANTED,
    Value.DENIED: Reason.CONSENT_DENIED,
    Value.UNKNOWN: Reason.CONSENT_UNKNOWN,
}


def _plain(record: Record, oldest_ms: int, newest_ms: int) -> ConsentState | None:
    """Return the state of a visitor of whom only a record speaks, all of it in its time: by far the commonest case."""
    if record.tombstone:
        return None
    signals, times = record.signals, record.times
    values = signals.values()
    for position in range(4):
        if values[position] is Value.GRANTED:
            time = times[position] or record.decided_at
            if not oldest_ms <= time <= newest_ms or time <= 0:
                return None
    first, second, third, fourth = values
    return ConsentState(
        signals,
        (_WHY[first], _WHY[second], _WHY[third], _WHY[fourth]),
        record.source,
        record.decided_at,
        False,
        True,
    )


_NOTHING = ALL_UNKNOWN.values()
_SILENCE = ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNKNOWN,) * 4)


def _timed(
    record: Record | None,
    refusal: Refusal | None,
    stored: Value,
    refused: Value,
    position: int,
    now_ms: int,
    max_age_ms: int,
) -> tuple[Value, Reason]:
    """Let the sources that carry a decision time decide one signal: the newest wins, a tie goes to the denial."""
    if record is not None and record.tombstone:
        return Value.DENIED, Reason.WITHDRAWN
    value, time = Value.UNKNOWN, 0
    if record is not None and stored is not Value.UNKNOWN:
        value, time = stored, record.times[position] or record.decided_at
    # The refusal cookie states refusals. A grant in it has no id to stand on, so it counts as saying nothing.
    if (
        refusal is not None
        and refused is Value.DENIED
        and (value is Value.UNKNOWN or refusal.decided_at >= time)
    ):
        value, time = Value.DENIED, refusal.decided_at
    if value is Value.GRANTED:
        if time > now_ms + FUTURE_MS or time <= 0:
            return Value.UNKNOWN, Reason.CONSENT_UNREADABLE
        if time < now_ms - max_age_ms:
            return Value.UNKNOWN, Reason.CONSENT_EXPIRED
        return Value.GRANTED, Reason.GRANTED
    if value is Value.DENIED:
        return Value.DENIED, Reason.CONSENT_DENIED
    return Value.UNKNOWN, Reason.CONSENT_UNKNOWN


def still_allows(
    record: Record | None,
    needs: tuple[int, ...],
    *,
    read_at: int,
    now_ms: int,
    max_age_ms: int,
    interest: bool = False,
    known: Four | None = None,
) -> bool:
    """Tell whether a full entry may still go out: the re-read before a send, which only ever lowers.

    Args:
        record: what the store holds now; None changes nothing.
        needs: positions of the signals that the decision stood on.
        read_at: store time (ms) at which the consent of the entry was read; a denial from then on counts for good,
            even when the visitor has granted again since.
        now_ms: now, by a clock that does not go back.
        max_age_ms: how long a grant counts.
        interest: whether statistics stand on legitimate interest, which a grant that has run out does not end.
        known: see ``denied_since``.
    """
    if record is None:
        return True
    if record.tombstone:
        return False
    values = record.signals.values()
    for position in needs:
        if values[position] is Value.DENIED or denied_since(record, position, read_at=read_at, known=known):
            return False
        if values[position] is not Value.GRANTED:
            continue
        time = record.times[position] or record.decided_at
        if time <= 0 or time > now_ms + FUTURE_MS:  # unreadable, as for the gateway: no honest clock made it
            return False
        if time < now_ms - max_age_ms and (_AD[position] or not interest):
            return False
    return True
