"""The sweep: what waits of visitors who have withdrawn is lowered or dropped, though its vendor is down or paused.

It costs one look through a site's outboxes, however many visitors have withdrawn, and rests for a multiple of the time
that it took. Nothing that is sent depends on it: consent is read again before every full request.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from proxy.consent import Record
from proxy.delivery.clearing import Cleared, Clearing
from proxy.delivery.clock import Clock
from proxy.delivery.lowering import allows, denied_at, lowered
from proxy.delivery.pace import Pace
from proxy.entry import Entry
from proxy.event import FullEvent
from proxy.metrics import WITHDRAWAL_REACH
from proxy.signals import Value
from proxy.site import Link, Site
from proxy.store import withdrawn
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.counted import links_in
from proxy.store.keys import partition_keys

log = logging.getLogger("sayso.delivery")

_AT_ONCE: Final = 500
_LEASE_MS: Final = 120_000
"""After so long another worker takes up what one has left that was killed."""
_REST: Final = 20
"""It looks through outboxes for a twentieth of the time at most."""


class Sweep:
    """See the module.

    Args:
        sites: whose outboxes.
        store: where they are.
        consents: the visitors' records.
        partitions: how many parts each outbox has.
        worker: this process's name among the workers.
        clock: the time.
        pace: how often.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        store: Store,
        consents: Consents,
        *,
        partitions: int,
        worker: str,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._sites = {site.name: site for site in sites}
        self._store = store
        self._consents = consents
        self._partitions = partitions
        self._worker = worker
        self._clock = clock
        self._pace = pace

    async def run(self) -> None:
        """Sweep again and again until cancelled; while the store is away, wait for it."""
        while True:
            await asyncio.sleep(self._pace.marks_s)
            try:
                await self.turn()
            except StoreUnavailableError as error:
                log.debug("the sweep waits for the store (%s)", error)

    async def turn(self) -> None:
        """Sweep once, if anybody has withdrawn and no other worker is at it.

        Raises:
            StoreUnavailableError: the store does not answer; the sweep is taken up again.
        """
        notes = await withdrawn.take(
            self._store, self._worker, old_ms=self._pace.marks_ms, lease_ms=_LEASE_MS
        )
        if not notes:
            return
        began = self._clock.monotonic()
        left: set[tuple[str, str]] = set()
        for site in dict.fromkeys(one.site for one in notes):
            visitors = [one.visitor for one in notes if one.site == site]
            left |= {(site, visitor) for visitor in await self._site(site, visitors)}
        took_s = self._clock.monotonic() - began
        await withdrawn.done(
            self._store,
            self._worker,
            [one for one in notes if (one.site, one.visitor) not in left],
            rest_ms=max(int(max(self._pace.marks_s, took_s * _REST) * 1000), 1),
        )

    async def _site(self, site: str, visitors: Sequence[str]) -> set[str]:
        """Sweep a site's outboxes; return the visitors of whom workers still have something in hand."""
        records: dict[str, Record] = {}
        for start in range(0, len(visitors), _AT_ONCE):
            some = visitors[start : start + _AT_ONCE]
            found = await self._consents.read_many([(site, visitor) for visitor in some])
            for visitor, answer in zip(some, found, strict=True):
                if isinstance(answer.record, Record):  # no record, or one that cannot be read, ends nothing
                    records[visitor] = answer.record
        held: set[str] = set()
        cleared = Cleared()
        configured = self._sites.get(site)
        links = {link.name: link for link in configured.links} if configured is not None else {}
        for partition in range(self._partitions):
            names = await self._store.guarded(self._store.redis.hkeys(partition_keys(partition).counts))
            for forwarder in sorted({name for one, name in links_in(names) if one == site} | links.keys()):
                link = links.get(forwarder)
                concerned = {visitor: one for visitor, one in records.items() if _concerns(one, link)}
                if not concerned:
                    continue
                clearing = Clearing(
                    self._store,
                    site,
                    forwarder,
                    partition,
                    partial(self._judge, concerned, configured, link),
                    silence_ms=self._pace.silence_ms,
                    tell=partial(self._observe, concerned, link),
                )
                erased = {visitor for visitor, one in concerned.items() if one.erased}
                if others := concerned.keys() - erased:
                    cleared += await clearing.withdraw(others)
                if erased:
                    cleared += await clearing.erase(erased)
                held |= clearing.held
        if cleared.total:
            log.info(
                "%s: of withdrawals, %d waiting entries lowered and %d dropped, %d dead letters, %d copies",
                site,
                cleared.lowered,
                cleared.dropped,
                cleared.dead_letters,
                cleared.sent_copies,
            )
        return held

    def _judge(
        self, records: dict[str, Record], site: Site | None, link: Link | None, entry: Entry
    ) -> Entry | None:
        """Do as the re-read would. Where the forwarder is gone, what was withdrawn from altogether ends."""
        event = entry.event
        if entry.visitor is None or not isinstance(event, FullEvent):
            return entry
        record, now_ms = records[entry.visitor], self._clock.now_ms()
        if site is None or link is None:
            return None if record.tombstone else entry
        if allows(record, entry, site, link, now_ms):
            return entry
        return lowered(record, entry, event, site, link, now_ms)

    def _observe(self, records: dict[str, Record], link: Link | None, entry: Entry) -> None:
        needs = link.rule.needs if link is not None else ()
        denied = denied_at(records[entry.visitor], entry, needs) if entry.visitor is not None else None
        if denied is not None:
            WITHDRAWAL_REACH.observe(max(self._clock.now_ms() - denied, 0) / 1000)


def _concerns(record: Record, link: Link | None) -> bool:
    """Tell whether a record can end anything at a forwarder; most visitors who refuse refuse a part."""
    if record.tombstone or link is None:
        return record.tombstone
    values = record.signals.values()
    return any(values[at] is Value.DENIED or record.denied_at[at] for at in link.rule.needs)
