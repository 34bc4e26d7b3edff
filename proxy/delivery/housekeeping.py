"""What nobody else would ever end: entries of forwarders that were removed, and what is kept of ended entries too long.

Personal data must not wait for ever for a forwarder that is gone. Every delivering process does this now and then; each
entry is ended, and counted, once.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial

from proxy.delivery.clock import Clock
from proxy.delivery.expiry import Expiry
from proxy.delivery.pace import Pace
from proxy.delivery.triage import LONGEST_S, expired
from proxy.store.claims import DEAD_LETTER_S, Claimed, Claims, End, Kept
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.counted import links_in
from proxy.store.keys import outbox_keys, partition_keys

log = logging.getLogger("sayso.delivery")

Link = tuple[str, str]
"""Site and forwarder."""


class Housekeeping:
    """See the module.

    Args:
        store: the store.
        partitions: how many parts each outbox has.
        configured: returns site and forwarder of all that are delivered to.
        kept: what is kept of delivered entries.
        worker: this process's name among the workers.
        clock: the time.
        pace: how often.
    """

    def __init__(
        self,
        store: Store,
        *,
        partitions: int,
        configured: Callable[[], Collection[Link]],
        kept: Kept,
        worker: str,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._store = store
        self._partitions = partitions
        self._configured = configured
        self._kept = kept
        self._worker = worker
        self._clock = clock
        self._pace = pace
        self._expiries: dict[tuple[int, Link], Expiry] = {}

    async def run(self) -> None:
        """Do it again and again until cancelled; while the store is away, wait for it."""
        while True:
            try:
                await self.turn()
            except StoreUnavailableError as error:
                log.debug("housekeeping waits for the store (%s)", error)
            await asyncio.sleep(self._pace.tidy_s)

    async def turn(self) -> None:
        """Do it once.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        seconds, _ = await self._store.guarded(self._store.redis.time())
        for partition in range(self._partitions):
            names = await self._store.guarded(self._store.redis.hkeys(partition_keys(partition).counts))
            for link in sorted(links_in(names)):
                await self._forget(partition, link, int(seconds))
                if link in self._configured():
                    self._expiries.pop((partition, link), None)
                else:
                    await self._expiry(partition, link).sweep()

    def _expiry(self, partition: int, link: Link) -> Expiry:
        found = self._expiries.get((partition, link))
        if found is None:
            site, forwarder = link
            keys = outbox_keys(partition, site, forwarder)
            claims = Claims(self._store, keys, site=site, forwarder=forwarder, worker=self._worker)
            found = self._expiries[partition, link] = Expiry(
                claims, self._judge, partial(self._end, link, claims)
            )
        return found

    def _judge(self, one: Claimed) -> End | None:
        """Return how an entry ends that no forwarder will take: by its age, or its place in the stream if unreadable."""
        made_ms = one.entry.made_ms if one.entry is not None else int(one.id.partition("-")[0])
        return expired(one.id) if self._clock.now_ms() >= made_ms + LONGEST_S * 1000 else None

    async def _end(self, link: Link, claims: Claims, ends: Collection[End]) -> None:
        ended = await claims.settle(list(ends))
        if ended:
            log.warning("%s/%s was removed: %d of its entries were too old and have expired", *link, ended)

    async def _forget(self, partition: int, link: Link, now_s: int) -> None:
        """Cut off what is kept longer than it may be; where entries end often, the scripts that end them do so.

        ``now_s`` is the store's time, by which what is kept is dated.
        """
        keys = outbox_keys(partition, *link)
        redis, guarded = self._store.redis, self._store.guarded
        oldest = (now_s - DEAD_LETTER_S) * 1000
        await guarded(redis.xtrim(keys.dead, minid=oldest, approximate=False))
        if not self._kept.seconds:
            await guarded(redis.unlink(keys.sent))
            return
        oldest = (now_s - self._kept.seconds) * 1000
        await guarded(redis.xtrim(keys.sent, minid=oldest, approximate=False))
        await guarded(redis.xtrim(keys.sent, maxlen=self._kept.entries, approximate=True))
