"""What the settling script keeps of delivered entries: those alone, each once, so many, and so long."""

import time
from typing import Any

from proxy.entry import Entry
from proxy.reasons import Outcome, OutcomeReason
from proxy.store.claims import Claims, End, Kept, Lower
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.events import NOW_MS, cookieless_event

KEYS = outbox_keys(0, SITE, "vendor")
HOUR_MS = 3_600_000


async def claims_of(store: Store, kept: Kept) -> Claims:
    """Return the outbox as a worker sees it."""
    claims = Claims(store, KEYS, site=SITE, forwarder="vendor", worker="w", kept=kept)
    await claims.prepare()
    return claims


def delivered(entry_id: str) -> End:
    """Return the end of an entry that the vendor has taken."""
    return End(entry_id, Outcome.DELIVERED, OutcomeReason.ACCEPTED)


async def copies(store: Store) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return what is kept."""
    found: Any = await store.redis.xrange(KEYS.sent)
    return list(found)


async def test_a_delivered_entry_is_kept_as_it_was(store: Store) -> None:
    """Byte for byte, dated by its delivery; the key itself ends when nothing is delivered any more."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store, Kept(3600, 100))
        await scene.full("e0")
        waiting: Any = await store.redis.xrange(KEYS.stream)
        ((_, fields),) = waiting
        (claimed,) = await claims.new(10, block_ms=None)
        assert await claims.settle([delivered(claimed.id)]) == 1
        ((copy_id, copy),) = await copies(store)
        assert copy == fields
        assert abs(int(copy_id.partition(b"-")[0]) - time.time_ns() // 1_000_000) < 60_000
        assert 3500 < await store.redis.ttl(KEYS.sent) <= 3600


async def test_nothing_else_is_kept(store: Store) -> None:
    """Neither what was refused, dropped or expired, nor what was lowered; and nothing at all where that is off."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store, Kept(3600, 100))
        await scene.full("e0", "e1", "e2", "e3", "e4")
        refused, dropped, expired, lowered, taken = await claims.new(10, block_ms=None)
        await claims.settle(
            [
                End(refused.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, "no"),
                End(dropped.id, Outcome.DROPPED, OutcomeReason.WITHDRAWN),
                End(expired.id, Outcome.EXPIRED, OutcomeReason.TOO_OLD),
                Lower(lowered.id, Entry(cookieless_event(), "ref", None, NOW_MS, 0, "v1")),
            ]
        )
        off = await claims_of(store, Kept(0, 100))
        await off.settle([delivered(taken.id)])
        assert await copies(store) == []
        assert (await scene.account()).outcomes["delivered|accepted"] == 1


async def test_a_repeated_end_keeps_one(store: Store) -> None:
    """Whoever repeats it: only who has ended the entry keeps it."""
    async with Scene(store, site_of(link())) as scene:
        one, other = await claims_of(store, Kept(3600, 100)), await claims_of(store, Kept(3600, 100))
        await scene.full("e0")
        (claimed,) = await one.new(10, block_ms=None)
        assert await one.settle([delivered(claimed.id), delivered(claimed.id)]) == 1
        assert await other.settle([delivered(claimed.id)]) == 0
        assert len(await copies(store)) == 1


async def test_the_oldest_go_when_there_are_too_many_or_they_are_too_old(store: Store) -> None:
    """By age exactly; by number a little later, as whole nodes of the stream are cut off."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store, Kept(3600, 50))
        now_ms = time.time_ns() // 1_000_000
        await store.redis.xadd(KEYS.sent, {"e": "old"}, id=f"{now_ms - HOUR_MS - 1000}-0")
        await store.redis.xadd(KEYS.sent, {"e": "young"}, id=f"{now_ms - HOUR_MS + 600_000}-0")
        await scene.full("e0")
        (claimed,) = await claims.new(10, block_ms=None)
        await claims.settle([delivered(claimed.id)])
        found = await copies(store)
        assert len(found) == 2
        assert found[0][1] == {b"e": b"young"}
        await scene.full(*(f"f{number}" for number in range(400)))
        await claims.settle([delivered(one.id) for one in await claims.new(400, block_ms=None)])
        found = await copies(store)
        assert 50 <= len(found) <= 150
        assert found[0][1] != {b"e": b"young"}


async def test_a_key_of_another_kind_costs_no_entry(store: Store) -> None:
    """The script fails before it has written anything: the entry stays, and stays uncounted."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store, Kept(3600, 100))
        for key in (KEYS.sent, KEYS.dead):
            await scene.full("e0")
            (claimed,) = await claims.new(10, block_ms=None)
            await store.redis.set(key, "spoilt")
            for end in (
                delivered(claimed.id),
                End(claimed.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, "no"),
            ):
                try:
                    await claims.settle([end])
                except StoreUnavailableError:
                    continue
                raise AssertionError
            account = await scene.account()
            assert (account.pending, account.outcomes) == (1, {})
            await store.redis.delete(key)
            await store.redis.flushall()
            await claims.prepare()
