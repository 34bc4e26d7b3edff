"""Who counts as dead, and who does not: entries of a worker that lives are nobody else's to send."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from proxy.delivery.pace import Pace
from proxy.store.claims import Claims
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import FAST, SITE, Scene, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import passed, wait_until

KEYS = outbox_keys(0, SITE, "vendor")


@pytest.fixture
async def own_store(own_valkey: Valkey) -> AsyncIterator[Store]:
    """Return a store that a test may stop."""
    store = Store(own_valkey.url, patience_s=0.3)
    yield store
    await store.close()


def test_a_worker_is_heard_of_often_enough() -> None:
    """Several signs of life may be lost before anybody calls it dead."""
    pace = Pace()
    assert pace.silence_ms == 5000
    assert pace.heartbeat_s * 1000 * 4 <= pace.silence_ms


async def test_who_is_stopping_is_heard_of_until_its_requests_are_answered(store: Store) -> None:
    """Also in the outbox of one forwarder while those of the others are left already: nothing is sent twice."""
    links = (link(Telling(), name="idle"), link(Telling()))
    async with Scene(store, site_of(*links)) as scene:
        gate = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=gate)]
        await scene.full("e0")
        first = await scene.work("first")
        await wait_until(lambda: len(scene.vendor.seen) == 1, what="a request under way")
        await scene.work("second")
        stopping = asyncio.ensure_future(first.stop())
        await passed(2 * FAST.silence_ms / 1000)
        assert not stopping.done()
        gate.set()
        await stopping
        await scene.settled(delivered_accepted=1)
        assert scene.delivered_ids() == ["e0"]


async def test_nobody_is_dead_because_the_store_was_away(own_store: Store, own_valkey: Valkey) -> None:
    """Whoever comes back first was silent itself, and gives the others time to be heard of again."""
    async with Scene(own_store, site_of(link(Telling()))) as scene:
        gate = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=gate)]
        await scene.full("e0")
        await scene.work("first")
        await wait_until(lambda: len(scene.vendor.seen) == 1, what="a request under way")
        for number in range(3):
            await scene.work(f"w{number}")

        async def all_heard_of() -> bool:
            return int(await own_store.redis.zcard(KEYS.workers)) == 4

        await wait_until(all_heard_of, what="four workers")
        own_valkey.stop()
        await passed(2 * FAST.silence_ms / 1000)
        own_valkey.start()
        await passed(FAST.silence_ms / 1000)
        gate.set()
        await scene.settled(delivered_accepted=1)
        assert scene.delivered_ids() == ["e0"]


async def test_who_was_silent_itself_judges_later(store: Store) -> None:
    """But then it does: what a dead worker held is not left."""
    async with Scene(store, site_of(link())) as scene:
        dead = Claims(store, KEYS, site=SITE, forwarder="vendor", worker="dead")
        alive = Claims(store, KEYS, site=SITE, forwarder="vendor", worker="alive")
        await dead.prepare()
        await scene.full("e0")
        await alive.due(10, silence_ms=400)
        await dead.due(0, silence_ms=400)
        await dead.new(10, block_ms=None)
        await passed(0.5)
        began = time.monotonic()
        assert await alive.due(10, silence_ms=400) == []

        async def claimed() -> bool:
            return bool(await alive.due(10, silence_ms=400))

        await wait_until(claimed, what="the entries of a dead worker")
        assert time.monotonic() - began >= 0.4


async def test_who_has_just_begun_claims_at_once_what_the_dead_have_left(store: Store) -> None:
    """After a crash and a later start nothing waits any longer."""
    async with Scene(store, site_of(link())) as scene:
        dead = Claims(store, KEYS, site=SITE, forwarder="vendor", worker="dead")
        await dead.prepare()
        await scene.full("e0")
        await dead.new(10, block_ms=None)
        await dead.due(0)
        await store.redis.zadd(KEYS.workers, {"dead": time.time_ns() // 1_000_000 - 6000})
        new = Claims(store, KEYS, site=SITE, forwarder="vendor", worker="new")
        assert len(await new.due(10)) == 1
