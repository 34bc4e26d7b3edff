"""Workers that die, a store that goes away, a vendor that hangs: nothing is lost, and nobody waits for another."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from proxy.delivery.backoff import State
from proxy.delivery.states import pause, read_states, resume
from proxy.store.claims import Claims
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, TestForwarder, kill, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.vendor import Reply
from tests.support.waiting import passed, wait_until


async def test_what_a_dead_worker_held_is_delivered_by_another(store: Store) -> None:
    """Its entries are claimed once it has been silent for a while."""
    async with Scene(store, site_of(link())) as scene:
        never = asyncio.Event()
        scene.vendor.queue = [Reply(after=never)] * 4
        await scene.full(*(f"e{number}" for number in range(6)))
        await scene.ping("page_view")
        first = await scene.work("first")
        await wait_until(lambda: len(scene.vendor.seen) == 3)
        scene.vendor.queue.clear()
        await kill(first)
        await scene.work("second")
        await scene.settled(delivered_accepted=7)
        never.set()


async def test_two_workers_share_the_work_without_sending_anything_twice(store: Store) -> None:
    """Each entry is one worker's."""
    async with Scene(store, site_of(link())) as scene:
        await scene.work("first")
        await scene.work("second")
        for start in range(0, 200, 20):
            await scene.full(*(f"e{number}" for number in range(start, start + 20)))
        await scene.settled(delivered_accepted=200)
        assert scene.delivered_ids() == sorted(f"e{number}" for number in range(200))


async def test_a_hanging_vendor_delays_nobody_else(store: Store) -> None:
    """Each forwarder has its own outbox, its own connections and its own limit."""
    async with Scene(store, site_of(link(name="slow"), link(name="quick")), timeout_s=60.0) as scene:
        never = asyncio.Event()
        await scene.full(*(f"s{number}" for number in range(40)), to="slow")
        scene.vendor.answers["vendor.example"] = lambda seen: Reply(
            json={}, after=never if b'"s' in seen.body else None
        )
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 4)
        await scene.full(*(f"q{number}" for number in range(40)), to="quick")
        await scene.settled("quick", delivered_accepted=40)
        assert (await scene.account("slow")).pending == 40
        never.set()
        await scene.settled("slow", delivered_accepted=40)


async def test_a_vendor_that_does_not_answer_in_time_is_tried_again(store: Store) -> None:
    """A timeout is a passing failure."""
    async with Scene(store, site_of(link()), timeout_s=0.2) as scene:
        never = asyncio.Event()
        scene.vendor.queue = [Reply(after=never)]
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        assert len(scene.vendor.seen) == 2
        never.set()


@pytest.fixture
async def own_store(own_valkey: Valkey) -> AsyncIterator[Store]:
    """Return a store that a test may stop."""
    store = Store(own_valkey.url, patience_s=0.3)
    yield store
    await store.close()


async def test_a_store_that_is_away_while_a_request_is_under_way(
    own_store: Store, own_valkey: Valkey
) -> None:
    """What was decided is settled when the store is back, and nothing is sent a second time meanwhile."""
    async with Scene(own_store, site_of(link())) as scene:
        gate = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=gate)]
        await scene.full("e0", "e1")
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        own_valkey.stop()
        gate.set()
        started = time.monotonic()
        await wait_until(
            lambda: time.monotonic() - started > 0.8
        )  # longer than a worker's silence counts as death
        own_valkey.start()
        await scene.settled(delivered_accepted=2)
        assert len(scene.vendor.seen) == 1


async def test_nothing_full_is_sent_while_consent_cannot_be_read(
    own_store: Store, own_valkey: Valkey
) -> None:
    """A store that hangs between the claim and the request holds the request."""
    async with Scene(own_store, site_of(link()), in_flight=1) as scene:
        gate = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=gate)]
        await scene.full(*(f"e{number}" for number in range(8)))
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        own_valkey.freeze()
        await passed(0.6)  # what was read before counts no more
        gate.set()
        await passed(0.8)
        assert len(scene.vendor.seen) == 1
        own_valkey.thaw()
        await scene.settled(delivered_accepted=8)


async def test_delivery_may_start_before_the_store(own_store: Store, own_valkey: Valkey) -> None:
    """It begins when the store is there."""
    async with Scene(own_store, site_of(link())) as scene:
        await scene.full("e0")
        own_valkey.stop()
        await scene.work()
        own_valkey.start()
        await scene.settled(delivered_accepted=1)


async def test_a_store_that_was_emptied_is_used_again(store: Store) -> None:
    """Streams and groups are made anew where they are missing."""
    async with Scene(store, site_of(link())) as scene:
        await scene.work()
        await scene.full("e0")
        await scene.settled(delivered_accepted=1)
        await store.redis.flushall()
        await scene.full("e1")
        await scene.settled(delivered_accepted=1)


async def test_an_answer_lost_on_the_way_loses_no_entry(store: Store) -> None:
    """What the store handed out to a worker that never saw it is found by that worker itself."""
    async with Scene(store, site_of(link())) as scene:
        keys = outbox_keys(0, SITE, "vendor")
        twin = Claims(store, keys, site=SITE, forwarder="vendor", worker="w1")
        await twin.prepare()
        await scene.full("e0")
        assert len(await twin.new(10, block_ms=None)) == 1
        await scene.work("w1")
        await scene.full("e1")
        await scene.settled(delivered_accepted=2)


async def test_stopping_finishes_what_is_under_way_and_gives_back_the_rest(store: Store) -> None:
    """A restart costs nothing: no entry waits for its old worker to be missed, and none is sent twice."""
    async with Scene(store, site_of(link()), in_flight=1) as scene:
        gate = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=gate)]
        await scene.full(*(f"e{number}" for number in range(10)))
        delivery = await scene.work("first")
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        stopping = asyncio.ensure_future(delivery.stop())
        await asyncio.wait([stopping], timeout=0.05)
        assert not stopping.done()
        gate.set()
        await stopping
        assert len(scene.vendor.seen) == 1
        pending = await store.redis.xpending("sayso:{p0}:out:shop:vendor", "deliver")
        assert pending["pending"] == 0
        await scene.work("second")
        await scene.settled(delivered_accepted=10)
        assert scene.delivered_ids() == sorted(f"e{number}" for number in range(10))


async def test_stopping_does_not_wait_for_a_vendor_that_hangs(store: Store) -> None:
    """What has not been answered after some seconds is given back, to be sent again."""
    async with Scene(store, site_of(link()), timeout_s=60.0) as scene:
        never = asyncio.Event()
        scene.vendor.queue = [Reply(json={}, after=never)]
        await scene.full("e0")
        delivery = await scene.work("first")
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        started = time.monotonic()
        await delivery.stop()
        assert time.monotonic() - started < 4
        await scene.work("second")
        await scene.settled(delivered_accepted=1)
        never.set()


class Poisoned(TestForwarder):
    """A vendor that falls over one event, and blames nobody."""


async def test_an_event_that_makes_the_vendor_fall_over_is_parted_from_its_companions(store: Store) -> None:
    """Ever smaller batches leave it alone with its failure; the others are delivered."""
    async with Scene(store, site_of(link(Poisoned()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda seen: Reply(500 if b"poison" in seen.body else 200)
        scene.settings["chance"] = lambda: 0.01
        await scene.full("e0", "poison", "e1", "e2")
        await scene.work()

        async def parted() -> bool:
            return (await scene.account()).outcomes == {"delivered|accepted": 3}

        await wait_until(parted)
        assert (await scene.account()).pending == 1


async def test_operators_can_pause_and_resume(store: Store) -> None:
    """A paused forwarder sends nothing and keeps its entries; how it is can be read in the store."""
    async with Scene(store, site_of(link(), link(name="other"))) as scene:
        await pause(store, SITE, "vendor")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.HELD)
        await scene.full("e0")
        await scene.full("e1", to="other")
        await scene.settled("other", delivered_accepted=1)
        assert scene.sent_ids() == [["e1"]]

        async def published() -> bool:
            return [one.forwarder for one in await read_states(store, scene.clock.now_ms())] == ["vendor"]

        await wait_until(published)
        await resume(store, SITE, "vendor", scene.clock.now_ms())
        await scene.settled(delivered_accepted=1)

        async def taken_back() -> bool:
            return await read_states(store, scene.clock.now_ms()) == []

        await wait_until(taken_back)
