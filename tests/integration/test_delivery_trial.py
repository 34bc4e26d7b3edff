"""A vendor that fails is tried with one batch at a time; what waits for the outcome of that is not forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from proxy.delivery.backoff import Patience, State
from proxy.store.client import Store
from tests.support.delivery import FAST, Scene, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.vendor import Reply, Seen
from tests.support.waiting import passed, wait_until


@pytest.fixture
async def own_store(own_valkey: Valkey) -> AsyncIterator[Store]:
    """Return a store that a test may stop."""
    store = Store(own_valkey.url, patience_s=0.3)
    yield store
    await store.close()


async def test_the_store_goes_away_while_a_failing_vendor_is_tried(
    own_valkey: Valkey, own_store: Store
) -> None:
    """What was claimed beside the trial's batch is sent as soon as all is well; it does not stay in hand for ever."""
    # The vendor is left alone for long enough that several entries are due when it is tried.
    pace = replace(FAST, patience=Patience(failures=5, failing_s=(1.5, 1.5), paused_s=(1.5, 1.5)))
    async with Scene(own_store, site_of(link()), timeout_s=60.0, pace=pace) as scene:
        answered = asyncio.Event()
        ill = True

        def answer(_seen: Seen) -> Reply:
            return Reply(500) if ill else Reply(json={}, after=answered)

        scene.vendor.answers["vendor.example"] = answer
        worker = await scene.work()
        await scene.ping(*(f"p{number}" for number in range(20)))
        await wait_until(lambda: worker.states()[0].state is State.FAILING)
        before = len(scene.vendor.seen)
        ill = False
        await wait_until(lambda: len(scene.vendor.seen) > before, what="a trial")
        own_valkey.stop()
        await passed(1.0)  # longer than the worker's patience with the store
        own_valkey.start()
        answered.set()
        await scene.settled(delivered_accepted=20)
