"""The outbox's delivering side: whoever tries, and however often, each entry is acted on once."""

import time

from proxy.entry import Entry
from proxy.reasons import Outcome, OutcomeReason
from proxy.store.claims import (
    Answered,
    AskedAgain,
    AskLater,
    Claims,
    End,
    Give,
    Lower,
    Park,
)
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.events import NOW_MS, cookieless_event
from tests.support.waiting import wait_until

KEYS = outbox_keys(0, SITE, "vendor")


async def claims_of(store: Store, worker: str = "w1") -> Claims:
    """Return the outbox as a worker sees it."""
    claims = Claims(store, KEYS, site=SITE, forwarder="vendor", worker=worker)
    await claims.prepare()
    return claims


async def test_an_end_counts_once_whoever_repeats_it(store: Store) -> None:
    """A worker whose answer was lost, and another who had claimed the same entry, settle it once together."""
    async with Scene(store, site_of(link())) as scene:
        one, other = await claims_of(store), await claims_of(store, "w2")
        await scene.full("e0", "e1")
        first, second = await one.new(10, block_ms=None)
        end = End(first.id, Outcome.DELIVERED, OutcomeReason.ACCEPTED)
        buried = End(second.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, "no")
        assert await one.settle([end, end, buried]) == 2
        assert await other.settle([end, buried, buried]) == 0
        account = await scene.account()
        assert account.outcomes == {"delivered|accepted": 1, "rejected|vendor_rejected": 1}
        assert account.adds_up
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "no")]


async def test_lowering_twice_leaves_one_entry(store: Store) -> None:
    """It is replaced in one step, and counted as withdrawn once."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store)
        await scene.full("e0")
        (claimed,) = await claims.new(10, block_ms=None)
        lower = Lower(claimed.id, Entry(cookieless_event(), "ref-e0", None, NOW_MS, 0, "v1"))
        await claims.settle([lower])
        await claims.settle([lower])
        assert (await scene.account()).pending == 1
        assert await scene.count("w") == 1
        (found,) = await claims.new(10, block_ms=None)
        assert found.entry is not None
        assert found.entry.visitor is None


async def test_what_is_parked_is_nobodys_until_its_time(store: Store) -> None:
    """Then it comes back with its tries; earlier only if asked for."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store)
        await scene.full("e0", "e1")
        first, second = await claims.new(10, block_ms=None)
        await claims.settle([Park(first.id, 60_000), Park(second.id, 50, tried=False)])
        assert await claims.due(10) == []
        found = []

        async def came_back() -> bool:
            found.extend(await claims.due(10))
            return bool(found)

        await wait_until(came_back)
        assert [(one.id, one.tries) for one in found] == [(second.id, 0)]
        assert [(one.id, one.tries) for one in await claims.due(10, early_ms=90_000)] == [(first.id, 1)]


async def test_what_is_ended_elsewhere_is_not_parked_again(store: Store) -> None:
    """A worker that was thought dead wakes up late; what it then says of an entry that is gone changes nothing."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store)
        await scene.full("e0")
        (claimed,) = await claims.new(10, block_ms=None)
        await claims.settle([End(claimed.id, Outcome.DELIVERED, OutcomeReason.ACCEPTED)])
        await claims.settle([Park(claimed.id, 0), Give(claimed.id)])
        assert await store.redis.zcard(KEYS.parked) == 0
        assert await store.redis.hlen(KEYS.tries) == 0


async def test_a_silent_workers_entries_are_anothers_and_its_name_is_forgotten(store: Store) -> None:
    """As long as it is heard of, it keeps them."""
    async with Scene(store, site_of(link())) as scene:
        dead, alive = await claims_of(store, "dead"), await claims_of(store, "alive")
        await scene.full("e0", "e1", "e2")
        await dead.due(0)
        assert len(await dead.new(10, block_ms=None)) == 3
        assert await alive.due(10, silence_ms=60_000) == []
        await store.redis.zadd(KEYS.workers, {"dead": time.time_ns() // 1_000_000 - 20_000})
        assert len(await alive.due(2, silence_ms=15_000)) == 2
        assert len(await alive.due(2, silence_ms=15_000)) == 1
        await alive.due(2, silence_ms=15_000)
        consumers = await store.redis.xinfo_consumers(KEYS.stream, "deliver")
        assert [one["name"] for one in consumers] == [b"alive"]


async def test_unseen_entries_are_found_by_who_holds_them(store: Store) -> None:
    """Only those that it does not know of, and only after a while."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store)
        await scene.full("e0", "e1")
        first, second = await claims.new(10, block_ms=None)
        assert await claims.unseen(set(), idle_ms=60_000) == []
        assert [one.id for one in await claims.unseen({first.id}, idle_ms=0)] == [second.id]
        assert await claims.unseen({first.id, second.id}, idle_ms=0) == []


async def test_who_leaves_gives_everything_back(store: Store) -> None:
    """At once, and untried; also when the outbox was never made."""
    async with Scene(store, site_of(link())) as scene:
        leaver, other = await claims_of(store, "leaver"), await claims_of(store, "other")
        await scene.full("e0", "e1")
        await leaver.new(10, block_ms=None)
        assert await leaver.leave() == 2
        assert [one.tries for one in await other.due(10)] == [0, 0]
        await store.redis.flushall()
        assert await leaver.leave() == 0


async def test_a_question_is_asked_by_one_and_answered_once(store: Store) -> None:
    """Two workers do not ask the same at once, and an answer that is repeated counts once."""
    async with Scene(store, site_of(link())) as scene:
        claims = await claims_of(store)
        await claims.settle([AskLater("1|a", 0), AskLater("1|b", 60_000)])

        async def asked() -> bool:
            return await claims.asks_due() == ["1|a"]

        await wait_until(asked)
        assert await claims.asks_due() == []
        again = AskedAgain("1|a", "2|a", 0)
        await claims.settle([again, again])
        assert await store.redis.zcard(KEYS.asks) == 2
        await claims.settle([Answered("2|a", 3), Answered("2|a", 3), Answered("1|a", 3)])
        assert await scene.count("l") == 3
        assert await store.redis.zrange(KEYS.asks, 0, -1) == [b"1|b"]
