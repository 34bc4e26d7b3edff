"""What the present consent makes of a full entry: it stays, becomes cookieless, or ends. It only ever lowers. Pure."""

import secrets

from proxy.anonymise import lower
from proxy.consent import Record, combine, denied_since, still_allows
from proxy.delivery.narrowing import stricter
from proxy.entry import Entry
from proxy.event import FullEvent
from proxy.reasons import Decision, Outcome, OutcomeReason
from proxy.signals import ALL_UNKNOWN, Signals, Value
from proxy.site import Link, Site
from proxy.store.claims import End, Lower


def allows(record: Record, entry: Entry, site: Site, link: Link, now_ms: int) -> bool:
    """Tell whether a full entry may still go out as such."""
    return still_allows(
        record,
        link.rule.needs,
        read_at=entry.read_at,
        now_ms=now_ms,
        max_age_ms=site.policy.consent_max_age_ms,
        interest=link.rule.interest,
        known=entry.known,
    )


def lowered(
    record: Record, entry: Entry, event: FullEvent, site: Site, link: Link, now_ms: int
) -> Entry | None:
    """Return the cookieless form of an entry that may not go out in full; None if this forwarder may have none."""
    if link.rule.otherwise is not Decision.COOKIELESS or not link.forwarder.cookieless_configured(event.name):
        return None
    signals = stricter(event.signals, _signals_now(record, entry, site, now_ms))
    random_id = f"{secrets.randbits(31)}.{entry.accepted_ms // 1000}"
    return Entry(
        lower(event, signals, site.policy, random_id),
        entry.ref,
        None,
        entry.accepted_ms,
        0,
        site.policy.version,
        mark=entry.mark,
    )


def withdrawn(
    entry_id: str, entry: Entry | None, reason: OutcomeReason = OutcomeReason.WITHDRAWN
) -> Lower | End:
    """Return what becomes of an entry that may not go out in full: replaced by its cookieless form, if it has one."""
    return End(entry_id, Outcome.DROPPED, reason) if entry is None else Lower(entry_id, entry)


def denied_at(record: Record, entry: Entry, needs: tuple[int, ...]) -> int | None:
    """Return when the store took the denial that reaches an entry, Unix ms; None where something else ended consent."""
    positions = range(4) if record.tombstone else needs
    return min(
        (
            record.denied_at[position]
            for position in positions
            if denied_since(record, position, read_at=max(entry.read_at, 1), known=entry.known)
        ),
        default=None,
    )


def _signals_now(record: Record, entry: Entry, site: Site, now_ms: int) -> Signals:
    """Return the state as it is, but denied wherever it was denied since: a later grant releases nothing."""
    state = combine(
        record,
        None,
        ALL_UNKNOWN,
        gpc=False,
        now_ms=now_ms,
        max_age_ms=site.policy.consent_max_age_ms,
    )
    values = (
        Value.DENIED if denied_since(record, position, read_at=entry.read_at, known=entry.known) else value
        for position, value in enumerate(state.signals.values())
    )
    return Signals.of(*values)
