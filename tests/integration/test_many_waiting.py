"""Tens of thousands of entries wait: delivery's memory does not grow with them, nor does what the store is asked to do.

``python -m bench.million`` does the same with a million, and says what it costs.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from forwarders.base import Batch, Request
from proxy.delivery.backoff import State
from proxy.entry import Entry, encode
from proxy.event import FullEvent
from proxy.reasons import Decision
from proxy.store.claims import Claims, Park
from proxy.store.client import Store
from proxy.store.keys import outbox_keys, partition_keys
from tests.support.delivery import SITE, Scene, TestForwarder, link, site_of
from tests.support.events import full_event
from tests.support.vendor import Reply
from tests.support.waiting import passed, wait_until

MANY = 50_000
KEYS = outbox_keys(0, SITE, "vendor")
MOST_MB = 120.0
"""What is in hand, with all that belongs to it. All that waits would be some 400 MB as objects."""


class Bulk(TestForwarder):
    """A vendor that takes a thousand events at once."""

    batch: ClassVar[Batch] = Batch(limit=1000)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """List the events' ids."""
        return Request("POST", "https://vendor.example/full", body={"ids": [one.event_id for one in events]})


async def fill(scene: Scene) -> None:
    """Write the entries as the gateway would have, and count them."""
    now_ms = time.time_ns() // 1_000_000
    raw = encode(Entry(full_event(event_id="e", time_ms=now_ms), "ref", "visitor-1", now_ms, now_ms, "v1"))
    for begin in range(0, MANY, 5000):
        async with scene.store.redis.pipeline(transaction=False) as pipe:
            for _ in range(5000):
                pipe.xadd(KEYS.stream, {"e": raw})
            await pipe.execute()
        assert begin < MANY
    await scene.store.redis.hincrby(partition_keys(0).counts, f"f|{SITE}|vendor", MANY)


def resident_mb() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


async def commands(store: Store) -> int:
    """Return how many commands the store has run, those within scripts included."""
    found = await store.redis.info("commandstats")
    return sum(int(one["calls"]) for one in found.values())


async def test_memory_stays_as_it_is(store: Store) -> None:
    """While the vendor hangs, while it is down, and while all of it goes."""
    async with Scene(store, site_of(link(Bulk(), otherwise=Decision.DROP))) as scene:
        await scene.decide("gggg")
        await fill(scene)
        before = resident_mb()
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(503)
        delivery = await scene.work()
        await wait_until(
            lambda: delivery.states()[0].state is State.FAILING,
            within_s=60,
            what="a breaker that has tripped",
        )
        await passed(1.0)
        assert resident_mb() - before < MOST_MB
        assert (await scene.account()).pending == MANY
        scene.vendor.answers.clear()

        async def some() -> bool:
            return (await scene.account()).outcomes.get("delivered|accepted", 0) >= 8000

        await wait_until(some, within_s=120, what="some of it")
        assert resident_mb() - before < MOST_MB
        account = await scene.account()
        assert account.adds_up


async def test_what_is_parked_costs_nothing_until_it_is_due(store: Store) -> None:
    """A look for what is due takes as many steps beside fifty thousand as beside none."""
    async with Scene(store, site_of(link(Bulk()))) as scene:
        claims = Claims(store, KEYS, site=SITE, forwarder="vendor", worker="w1")
        await claims.prepare()

        async def look() -> int:
            first = await commands(store)
            assert await claims.due(1000) == []
            return await commands(store) - first

        await look()
        empty = await look()
        await fill(scene)
        while found := await claims.new(1000, block_ms=1):
            for begin in range(0, len(found), 250):
                await claims.settle([Park(one.id, 3_600_000) for one in found[begin : begin + 250]])
        assert await store.redis.zcard(KEYS.parked) == MANY
        assert await look() <= empty + 2
        assert len(await claims.due(1000, early_ms=3_600_000)) == 1000
        assert await claims.leave() == 1000
        assert len(await claims.due(1000)) == 1000
