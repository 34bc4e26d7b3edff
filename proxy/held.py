"""Everything that is held of one visitor at one site: what an export shows, and nobody but the visitor may see."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Final

from proxy.attribution import NOTHING_KEPT, Kept
from proxy.consent import Record, Unreadable
from proxy.consent_history import Proof
from proxy.event import FullEvent
from proxy.signals import Signals
from proxy.store import find
from proxy.store.claims import SILENCE_MS
from proxy.store.client import Store
from proxy.store.consents import Consents
from proxy.store.find import Found
from proxy.store.keys import OutboxKeys, outbox_keys

MOST_LISTED: Final = 1000
"""Entries that one export shows; of one visitor there are hardly ever more."""


@dataclass(frozen=True, slots=True, repr=False)
class HeldEntry:
    """An event of the visitor that is in the store. ``where`` is ``pending``, ``dead_letter`` or ``sent_copy``."""

    forwarder: str
    where: str
    accepted_at: int
    policy_version: str
    fields: dict[str, object]

    def shown(self) -> dict[str, object]:
        """Return it as JSON may hold it."""
        return {
            "forwarder": self.forwarder,
            "where": self.where,
            "accepted_at": self.accepted_at,
            "policy_version": self.policy_version,
            "event": self.fields,
        }


@dataclass(slots=True, repr=False)
class Held:
    """What is held. ``session_start`` is Unix s. ``left_out`` says what was not looked for, and why."""

    record: Record | Unreadable | None = None
    session_start: int | None = None
    kept: Kept = NOTHING_KEPT
    """What brought the visitor."""
    history: list[Proof] = field(default_factory=list)
    entries: list[HeldEntry] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


async def held_of(consents: Consents, site: str, visitor: str) -> Held:
    """Return what is held under the visitor's own keys.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    found = (await consents.read_many([(site, visitor)], kept=True))[0]
    return Held(found.record, found.session_start, found.kept, await consents.history(site, visitor))


async def look_through(
    held: Held,
    store: Store,
    site: str,
    visitor: str,
    outboxes: Iterable[tuple[int, str]],
    *,
    at_most: int | None = None,
) -> None:
    """Look for the visitor's events in outboxes, dead letters and kept copies, and add them.

    It takes a look at every entry that is there, whoever the visitor is.

    Args:
        held: what to add to.
        store: where they are.
        site: whose outboxes.
        visitor: whose events.
        outboxes: partition and forwarder of each.
        at_most: so many entries are looked at; if there are more, none is, and it is said.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    places = [(forwarder, outbox_keys(partition, site, forwarder)) for partition, forwarder in outboxes]
    if at_most is not None and await _number(store, [keys for _, keys in places]) > at_most:
        held.left_out.append("events: too many wait to be looked through now; ask the site's owner")
        return
    for forwarder, keys in places:
        for where, pages in _pages(store, keys, visitor):
            async for page in pages:
                shown = [_shown(forwarder, where, one) for one in page]
                held.entries += [one for one in shown if one is not None]
                if len(held.entries) > MOST_LISTED:
                    del held.entries[MOST_LISTED:]
                    held.left_out.append(f"events: more than {MOST_LISTED}")
                    return


async def _number(store: Store, outboxes: Iterable[OutboxKeys]) -> int:
    """Return how many entries there are to look at."""
    number = 0
    for keys in outboxes:
        for stream in (keys.stream, keys.dead, keys.sent):
            number += int(await store.guarded(store.redis.xlen(stream)))
    return number


def _pages(store: Store, keys: OutboxKeys, visitor: str) -> list[tuple[str, AsyncIterator[list[Found]]]]:
    return [
        ("pending", find.pending(store, keys, [visitor], silence_ms=SILENCE_MS)),
        ("dead_letter", find.dead(store, keys, [visitor])),
        ("sent_copy", find.sent(store, keys, [visitor])),
    ]


def _shown(forwarder: str, where: str, found: Found) -> HeldEntry | None:
    """Return an entry with all that it holds. What a vendor answered is not the visitor's: it may quote others."""
    entry = found.entry
    if entry is None or not isinstance(entry.event, FullEvent):
        return None
    fields: dict[str, object] = {}
    for name in FullEvent.__slots__:
        value = getattr(entry.event, name)
        if isinstance(value, Signals):
            value = value.code()
        if value not in (None, [], {}, ""):
            fields[name] = value
    return HeldEntry(forwarder, where, entry.accepted_ms, entry.policy_version, fields)
