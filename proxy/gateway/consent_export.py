"""``GET /consent?export=1``: everything that is held of whoever has the id cookie, and of nobody else."""

import asyncio
from typing import Final

from proxy.consent import Record, Refusal, Unreadable
from proxy.consent_record import may_have, records_of, refusal_record
from proxy.gateway.call import Call
from proxy.gateway.cookies import Cookies
from proxy.held import Held, held_of, look_through
from proxy.identity import REFUSAL_COOKIE
from proxy.signals import SIGNALS, Signals
from proxy.site import Site
from proxy.store.client import Store
from proxy.store.consents import Consents

MOST_LOOKED_AT: Final = 50_000
"""Entries of a site's outboxes through which a visitor's export looks; where there are more, it says so."""


class Exports:
    """Makes exports, one at a time in each process, as each looks through the site's outboxes.

    Args:
        consents: the visitors' records.
        store: where the outboxes are.
        partitions: how many parts each has.
    """

    def __init__(self, consents: Consents, store: Store, partitions: int) -> None:
        self._consents = consents
        self._store = store
        self._partitions = partitions
        self._busy = asyncio.Lock()

    async def held(self, call: Call, cookies: Cookies) -> dict[str, object]:
        """Return all that is held; the shape is the same whether that is much or nothing, and for an id of nobody.

        Raises:
            StoreUnavailableError: it cannot be read now.
        """
        site, visitor = call.site, cookies.visitor
        held = Held()
        if visitor is not None:
            held = await held_of(self._consents, site.name, visitor.id)
            if self._busy.locked():
                held.left_out.append("events: another export is being made; ask again in a moment")
            else:
                async with self._busy:
                    await self._look(held, site, visitor.id)
        refusal = cookies.refusal if isinstance(cookies.refusal, Refusal) else None
        records = records_of(site, visitor.id, held.history) if visitor is not None else []
        if refusal is not None:
            records.append(refusal_record(site, refusal))
        return {
            "visitor": None if visitor is None else {"id": visitor.id, "created": visitor.created},
            "consent": _record(held.record),
            "refusal": None
            if refusal is None
            else {**by_name(refusal.signals), "decided_at": refusal.decided_at},
            "session_start": held.session_start,
            "attribution": held.kept.shown(),
            "records": records,
            "events": [one.shown() for one in held.entries],
            "recipients": recipients(site, held),
            "cookies": meanings(site),
            "left_out": held.left_out,
        }

    async def _look(self, held: Held, site: Site, visitor: str) -> None:
        outboxes = [(partition, link.name) for partition in range(self._partitions) for link in site.links]
        await look_through(held, self._store, site.name, visitor, outboxes, at_most=MOST_LOOKED_AT)


def recipients(site: Site, held: Held) -> list[dict[str, object]]:
    """Return the forwarders whose vendors may have had full events: under a decision of the history, or of the record."""
    states = [proof.after for proof in held.history]
    if isinstance(held.record, Record):
        states.append(held.record.signals)
    if not states and held.session_start is not None:  # on legitimate interest nothing need have been decided
        states = [Signals()]
    return [
        {"forwarder": link.name, "vendor": link.module, "hosts": sorted(link.forwarder.hosts)}
        for link in site.links
        if any(may_have(link, one) for one in states)
        or any(one.forwarder == link.name for one in held.entries)
    ]


def meanings(site: Site) -> dict[str, str]:
    """Say what the cookies are that Sayso sets at a site."""
    return {
        site.cookie.name: "the random id under which all this is held, and when it was made",
        REFUSAL_COOKIE: "what was refused, and when; no id",
    }


def by_name(signals: Signals) -> dict[str, object]:
    """Return the four signals by name."""
    return {signal.value: value for signal, value in zip(SIGNALS, signals.values(), strict=True)}


def _record(record: Record | Unreadable | None) -> object:
    if isinstance(record, Unreadable):
        return "unreadable"
    if record is None:
        return None
    return {
        **by_name(record.signals),
        "source": record.source,
        "decided_at": record.decided_at,
        "gpc": record.gpc,
        "policy_version": record.policy_version,
        "proof": record.proof,
        "withdrawn": record.tombstone,
    }
